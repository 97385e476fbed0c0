"""Magnetic stripes: tracks 1 to 3."""
