"""PINs and passwords as they are kept."""

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import VerifyMismatchError

from daemon.accounts.secret_hashes import LANES, MEMORY_KIB, NOBODY_S, TIME_COST, SecretHashes


async def test_a_hash_is_argon2id_of_19_mib_with_a_salt_of_its_own() -> None:
    hashes = SecretHashes()
    one, other = await hashes.hashed("60418"), await hashes.hashed("60418")
    assert one != other
    found = extract_parameters(one)
    assert (found.type, found.time_cost, found.memory_cost, found.parallelism) == (
        *(Type.ID, 2, 19 * 1024, 1),
    )
    assert await hashes.fits(one, "60418")
    assert await hashes.fits(other, "60418")
    assert not await hashes.fits(one, "60419")


@pytest.mark.parametrize("secret", ["", "0000", "nobody"])
async def test_nothing_fits_where_there_is_no_secret(secret: str) -> None:
    assert not await SecretHashes().fits("", secret)
    assert not await SecretHashes().fits("no hash at all", secret)


def test_whoever_asks_about_nobody_waits_as_long() -> None:
    found = extract_parameters(NOBODY_S)
    assert (found.time_cost, found.memory_cost, found.parallelism) == (TIME_COST, MEMORY_KIB, LANES)
    with pytest.raises(VerifyMismatchError):  # it was computed, and not turned down unread
        PasswordHasher().verify(NOBODY_S, "1234")
