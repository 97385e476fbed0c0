"""The shop's key for phones is changed: no customer has to do anything, a stolen key is worth less.

Each till here is a start of the daemon on the same folder.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from card_formats.phone.rotating import renewal_proof
from daemon.accounts.phones import PhoneKey
from daemon.app.running import App
from daemon.keys.phone_keys import PHONE_KEYS_FILE, add_phone_key, retire_phone_keys
from tests.scenarios.test_live_code import refusal_of
from tests.support.clock import HandClock
from tests.support.phone import Phone, account_of, bind
from tests.support.till import PHONE, PLASTIC, Pos, lay_out, open_till

Start = Callable[[], AbstractAsyncContextManager[App]]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / PHONE_KEYS_FILE


@pytest.fixture
def start(tmp_path: Path, clock: HandClock) -> Start:
    lay_out(tmp_path)
    return lambda: open_till(tmp_path, clock)


async def renewed(till: App, phone: Phone) -> PhoneKey | None:
    """Prove the phone's key, as its page does."""
    return await till.phones.renew(await account_of(till, PHONE), renewal_proof(phone.key.key))


async def test_an_old_key_is_taken_and_new_phones_get_the_new_one(
    start: Start, keys: Path, clock: HandClock
) -> None:
    async with start() as till:
        old = await bind(till, PHONE, clock)
    add_phone_key(keys)
    async with start() as till, Pos.connect(till.socket) as pos:
        assert (await pos.call("card.identify", scan=old.code()))["trust"] == "rotating"
        new = await bind(till, PLASTIC, clock)
        assert (old.key.key_id, new.key.key_id) == (1, 2)
        assert (await pos.call("card.identify", scan=new.code()))["trust"] == "rotating"


async def test_a_phone_that_proves_its_old_key_gets_the_new_one_as_often_as_it_asks(
    start: Start, keys: Path, clock: HandClock
) -> None:
    async with start() as till:
        old = await bind(till, PHONE, clock)
        assert await renewed(till, old) is None, "there is no newer one"
    add_phone_key(keys)
    async with start() as till, Pos.connect(till.socket) as pos:
        first, key = [await renewed(till, old) for _ in range(2)]  # the answer may be lost
        assert key is not None
        assert key == first
        assert (key.key_id, key.generation) == (2, old.key.generation)
        new = Phone(key, clock)
        error = await refusal_of(pos, old.code())
        assert (error.code, error.data["reason"]) == (1013, "old_key")
        assert (await pos.call("card.identify", scan=new.code()))["trust"] == "rotating"
        assert await renewed(till, new) is None


async def test_a_retired_key_is_refused_with_its_reason_and_a_link_mends_it(
    start: Start, keys: Path, clock: HandClock
) -> None:
    async with start() as till:
        old = await bind(till, PHONE, clock)
    add_phone_key(keys)
    retire_phone_keys(keys)
    async with start() as till, Pos.connect(till.socket) as pos:
        error = await refusal_of(pos, old.code())
        assert (error.code, error.data["reason"]) == (1013, "old_key")
        assert (await pos.call("card.identify", scan=PHONE))["trust"] == "static"
        assert await renewed(till, old) is None
        mended = await bind(till, PHONE, clock)
        assert (await pos.call("card.identify", scan=mended.code()))["trust"] == "rotating"
        assert (await refusal_of(pos, old.code())).code == 1013


async def test_a_stolen_old_key_makes_no_code_of_a_phone_with_the_new_one(
    start: Start, keys: Path, clock: HandClock
) -> None:
    async with start() as till:
        old = await bind(till, PHONE, clock)
    add_phone_key(keys)
    async with start() as till, Pos.connect(till.socket) as pos:
        assert await renewed(till, old) is not None
        assert (await refusal_of(pos, old.code())).code == 1013


async def test_only_the_phone_that_carries_the_card_can_renew(
    start: Start, keys: Path, clock: HandClock
) -> None:
    async with start() as till:
        before = await bind(till, PHONE, clock)
        now = await bind(till, PHONE, clock)
        other = await bind(till, PLASTIC, clock)
    add_phone_key(keys)
    async with start() as till:
        account = await account_of(till, PHONE)
        for proof in ("", "é" * 40, "0" * 40, renewal_proof(other.key.key)):
            assert await till.phones.renew(account, proof) is None
        assert await renewed(till, before) is None
        assert await renewed(till, now) is not None
        await till.phones.revoke(account)
        assert await renewed(till, now) is None, "a lost phone gets nothing"
