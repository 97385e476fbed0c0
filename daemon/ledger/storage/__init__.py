"""The databases that the books are kept in."""
