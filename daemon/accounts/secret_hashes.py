"""PINs and passwords as they are kept: Argon2id, slow on purpose, in threads, two at once.

The parameters are those that OWASP's Password Storage Cheat Sheet names for 19 MiB. A hash takes
some 30 ms of one core; whoever is asked about a name that nobody has spends the same.
"""

import asyncio

TIME_COST, MEMORY_KIB, LANES = 2, 19 * 1024, 1
AT_ONCE = 2
NOBODY_S = (
    f"$argon2id$v=19$m={MEMORY_KIB},t={TIME_COST},p={LANES}"
    "$bm9ib2R5J3Mgc2FsdC4uLg$eosIAiLWJsWUDFQ9WB8h7DTVdlZ10ISjhJMoKMMdnkw"
)
"""Stands where there is none: no secret fits it, and it takes as long as any other."""


class SecretHashes:
    """Makes and checks hashes."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def hashed(self, secret: str) -> str:
        """Return what is kept of a secret: the hash with its parameters and its salt."""
        async with self._turns:
            return await asyncio.to_thread(_hashed, secret)

    async def fits(self, kept: str, secret: str) -> bool:
        """Whether ``kept`` is of this secret; "" is of none, which takes as long to find out."""
        async with self._turns:
            return await asyncio.to_thread(_fits, kept or NOBODY_S, secret) and bool(kept)


def _hashed(secret: str) -> str:
    from argon2 import PasswordHasher  # here: a till that asks for no PIN loads no library

    return PasswordHasher(TIME_COST, MEMORY_KIB, LANES).hash(secret)


def _fits(kept: str, secret: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return PasswordHasher(TIME_COST, MEMORY_KIB, LANES).verify(kept, secret)
    except (Argon2Error, InvalidHashError):
        return False
