"""Which schema this version needs. Alembic is imported only when a database is behind it."""

HEAD = "0002"
"""The newest revision in ``migrations/versions``; a test compares the two."""
