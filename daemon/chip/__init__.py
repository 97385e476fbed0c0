"""Chips that prove themselves: what lies on a reader, and sales that write a purse on it."""
