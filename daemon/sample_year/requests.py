"""How what is asked for in the sample year is known again after a cut."""

import hashlib

from daemon.ledger.ledger import RequestKey


def request_key(method: str, request_id: str) -> RequestKey:
    """Return the key of a request that follows from the seed: its id says all that it is."""
    return RequestKey(method, request_id, hashlib.sha256(request_id.encode()).digest())
