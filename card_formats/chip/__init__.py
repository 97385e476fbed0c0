"""Chip card applications, one a module, as dialogues."""
