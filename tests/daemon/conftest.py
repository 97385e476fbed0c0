"""A whole till, for tests that need more than one room of it."""

from tests.scenarios.conftest import clock, pos, programme, till

__all__ = ["clock", "pos", "programme", "till"]
