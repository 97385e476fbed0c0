"""Whose request is being carried out: for limits that one client must not use up for another.

It is set by the connection that a request came on and read where something is counted or kept for
a client; "" is the till itself. Threads of the ledger do not see it.
"""

from contextvars import ContextVar

CALLER: ContextVar[str] = ContextVar("caller", default="")
"""The client's user and what it calls itself, such as ``uid 1000/My till``."""


def caller() -> str:
    """Return the client whose request is being carried out."""
    return CALLER.get()
