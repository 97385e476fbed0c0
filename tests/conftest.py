"""Fixtures that more than one folder of tests needs."""

from tests.support.pcscd import pcscd

__all__ = ["pcscd"]
