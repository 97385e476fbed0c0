"""A whole till, for tests that need more than one room of it."""

from tests.scenarios.conftest import clock, pos, till

__all__ = ["clock", "pos", "till"]
