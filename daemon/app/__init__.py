"""The daemon as a whole: its parts, its start and its end."""
