"""Cards shown on a phone's screen."""
