"""The hot list: what one ledger knows of bad chips reaches tills without a line to it."""

import hashlib
import os
import re
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.chip.hot_list import (
    HOT_LIST_BYTES_MAX,
    TITLE,
    HotListError,
    HotListKeys,
    decode,
    encode,
    hot_uids,
    mark,
)
from daemon.keys.chip_keys import ChipKeys, add_chip_keys, load_chip_keys, make_chip_keys
from daemon.keys.hot_list_keys import (
    load_hot_list_key,
    load_hot_list_public_key,
    make_hot_list_keys,
)
from daemon.keys.signing_keys import SigningKey
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Change
from tests.support.chip_till import ChipShop, HandTill, Wallet, entries, make_home
from tests.support.chips import lay_out_chips
from tests.support.clock import MORNING
from tests.support.commands import tillcard


@pytest.fixture
async def shop(tmp_path: Path) -> ChipShop:
    shop = ChipShop(tmp_path)
    for name in ("a", "b"):
        await make_home(tmp_path / name, [shop.wallet], shop.clock, tmp_path / "keys")
    return shop


async def block(till: HandTill, wallet: Wallet) -> None:
    uid = wallet.uid.hex().upper()
    card = await till.ledger.read(lambda store: store.ask_one(CARD_BY_IDENTIFIER, "uid", uid))
    assert card is not None
    await till.ledger.write(Change(rows=(replace(card, state="blocked"),)))


async def refused(till: HandTill, wallet: Wallet) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        await till.tap(wallet)
    return caught.value


async def test_a_card_that_another_ledger_blocked_is_blocked_at_first_sight(shop: ChipShop) -> None:
    async with shop.till("a") as till:
        await block(till, shop.wallet)
        uids = await till.ledger.read(hot_uids)
        path = shop.home / "b" / "hot.list"
    path.write_text(shop.hot_list(uids), "ascii")
    async with shop.till("b", hot_list="hot.list") as other:
        error = await refused(other, shop.wallet)
        assert error.code is ErrorCode.CARD_BLOCKED
        assert "hot list; if it was unblocked, make the hot list anew." in error.detail
        path.unlink()
    async with shop.till("b") as other:
        error = await refused(other, shop.wallet)
        assert (error.code, "on its chip" in error.detail) == (ErrorCode.CARD_BLOCKED, True)


async def test_a_new_list_is_taken_while_the_till_runs_and_an_older_or_bad_one_is_not(
    shop: ChipShop, caplog: pytest.LogCaptureFixture
) -> None:
    path, uid = shop.home / "a" / "hot.list", shop.wallet.uid.hex().upper()
    async with shop.till("a", hot_list="hot.list") as till:
        for _ in range(3):
            await till.tap(shop.wallet)
        assert caplog.text.count("was not taken") == 1, "that there is none is said once a start"
        caplog.clear()
        hot = shop.hot_list([uid])
        cool = shop.hot_list(made_at=shop.clock.now() - timedelta(days=1))
        for bad in (hot[:-9] + "\n", hot.replace("2026", "2027"), "\xff", "", cool[:40]):
            path.write_text(bad, "latin-1")
            await till.tap(shop.wallet)
            assert "was not taken" in caplog.text
            caplog.clear()
        path.write_text(hot, "ascii")
        await refused(till, shop.wallet)
        path.write_text(cool, "ascii")
        await refused(till, shop.wallet)
        assert "older than the one before" in caplog.text


async def test_with_an_old_list_chips_collect_and_do_not_pay(shop: ChipShop) -> None:
    path = shop.home / "a" / "hot.list"
    path.write_text(shop.hot_list(), "ascii")
    async with shop.till("a", hot_list="hot.list", hot_list_days=7) as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 10)
        shop.clock.move(days=8)
        presentation = (await till.tap(shop.wallet)).presentation
        with pytest.raises(RefusedError) as caught:
            await till.buy("s2", presentation, 10)
        assert caught.value.code is ErrorCode.OFFLINE
        await till.buy("s3", (await till.tap(shop.wallet)).presentation, codes=("BACK",))
        path.write_text(shop.hot_list(), "ascii")
        await till.buy("s2", (await till.tap(shop.wallet)).presentation, 10)


async def test_where_the_list_is_deleted_chips_pay_no_more_and_whom_it_named_is_refused(
    shop: ChipShop,
) -> None:
    named = Wallet(shop.keys, Random(6))
    path = shop.home / "a" / "hot.list"
    path.write_text(shop.hot_list([named.uid.hex().upper()]))
    async with shop.till(hot_list="hot.list", hot_list_days=1) as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 10)
        path.unlink()
        presentation = (await till.tap(shop.wallet)).presentation
        with pytest.raises(RefusedError) as offline:
            await till.buy("s2", presentation, 10)
        assert offline.value.code is ErrorCode.OFFLINE
        assert "hot list" in (await refused(till, named)).detail


async def test_a_newer_list_is_taken_though_its_size_and_time_are_the_old_one_s(
    shop: ChipShop,
) -> None:
    path, uid = shop.home / "a" / "hot.list", shop.wallet.uid.hex().upper()
    path.write_text(shop.hot_list(["04" + "11" * 6]))
    before = path.stat()
    async with shop.till(hot_list="hot.list") as till:
        await till.tap(shop.wallet)
        shop.clock.move(seconds=5)
        path.write_text(shop.hot_list([uid]))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        assert (await refused(till, shop.wallet)).code is ErrorCode.CARD_BLOCKED


async def test_an_older_list_is_not_taken_after_a_restart_either(
    shop: ChipShop, caplog: pytest.LogCaptureFixture
) -> None:
    path, uid = shop.home / "a" / "hot.list", shop.wallet.uid.hex().upper()
    before = shop.hot_list()
    shop.clock.move(days=1)
    path.write_text(shop.hot_list(), "ascii")
    async with shop.till("a", hot_list="hot.list", hot_list_days=7) as till:
        await till.tap(shop.wallet)
    path.write_text(before, "ascii")
    for _ in range(2):
        async with shop.till("a", hot_list="hot.list", hot_list_days=7) as till:
            presentation = (await till.tap(shop.wallet)).presentation
            with pytest.raises(RefusedError) as caught:
                await till.buy("s1", presentation, 10)
            assert caught.value.code is ErrorCode.OFFLINE, "it has no list that it may go by"
        assert "older than the one before, of 2026-" in caplog.text
        caplog.clear()
    path.write_text(shop.hot_list([uid]), "ascii")
    async with shop.till("a", hot_list="hot.list", hot_list_days=7) as till:
        await refused(till, shop.wallet)
    assert [entry.counters[0].amount > 0 for entry in entries(shop.home / "a", "hot_list")] == [
        True
    ]


async def test_a_list_that_is_dated_ahead_is_not_taken_before_its_time(
    shop: ChipShop, caplog: pytest.LogCaptureFixture
) -> None:
    path, uid = shop.home / "a" / "hot.list", shop.wallet.uid.hex().upper()
    ahead = shop.hot_list([uid], shop.clock.now() + timedelta(hours=1, seconds=1))
    path.write_text(ahead, "ascii")
    async with shop.till("a", hot_list="hot.list") as till:
        for _ in range(3):
            await till.tap(shop.wallet)
        assert caplog.text.count("it is dated ahead") == 1, "that is said once"
        path.write_text(shop.hot_list(), "ascii")
        await till.tap(shop.wallet)
        path.write_text(ahead, "ascii")
        await till.tap(shop.wallet)
        shop.clock.move(seconds=1)
        await refused(till, shop.wallet)


async def test_a_stolen_till_with_all_its_keys_makes_no_list(
    shop: ChipShop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, uid = shop.home / "a" / "hot.list", shop.wallet.uid.hex().upper()
    make_hot_list_keys(tmp_path / "thief.key", tmp_path / "thief.pub")
    thief = load_hot_list_key(tmp_path / "thief.key")
    path.write_text(encode([uid], shop.clock.now(), shop.keys, thief), "ascii")
    async with shop.till("a", hot_list="hot.list") as till:
        await till.tap(shop.wallet)
    assert "it is not signed with this shop's key for hot lists" in caplog.text


class Office(NamedTuple):
    """Where lists are made."""

    chip: ChipKeys
    signer: SigningKey

    @property
    def reads(self) -> HotListKeys:
        return HotListKeys(self.signer.public, self.chip)

    def encode(self, uids: list[str]) -> str:
        return encode(uids, MORNING, self.chip, self.signer)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    home = tmp_path_factory.mktemp("keys")
    make_chip_keys(home / "chip.keys")
    make_hot_list_keys(home / "hot-list.key", home / "hot-list.pub")
    return Office(load_chip_keys(home / "chip.keys"), load_hot_list_key(home / "hot-list.key"))


@given(st.text(max_size=200), st.booleans())
def test_any_text_is_a_list_or_our_own_error(office: Office, text: str, is_signed: bool) -> None:
    if is_signed:
        body = f"{TITLE}\n{text}\n"
        text = f"{body}{office.signer.sign(body.encode()).hex()}\n"
    with pytest.raises(HotListError):
        decode(text, office.reads)


@given(st.sets(st.binary(min_size=7, max_size=7), max_size=9), st.data())
def test_a_list_is_read_as_written_and_no_changed_letter_passes(
    office: Office, uids: set[bytes], data: st.DataObject
) -> None:
    names = [uid.hex().upper() for uid in uids]
    text = office.encode(names)
    hot = decode(text, office.reads)
    assert hot.marks == {mark(name, office.chip, 1) for name in names}
    assert all(hot.names(name, office.chip) for name in names)
    at = data.draw(st.integers(0, len(text) - 2))
    other = data.draw(st.sampled_from("0a\n Z").filter(lambda letter: letter != text[at]))
    with pytest.raises(HotListError):
        decode(text[:at] + other + text[at + 1 :], office.reads)


@given(st.binary(min_size=7, max_size=7))
def test_a_list_names_nobody_who_has_not_the_shop_s_keys(office: Office, uid: bytes) -> None:
    text = office.encode([uid.hex().upper()]).casefold()
    assert uid.hex() not in text
    for plain in (uid, uid.hex().encode(), uid.hex().upper().encode()):
        assert hashlib.sha256(plain).hexdigest()[:16] not in text, "it cannot be tried out"


def test_a_till_with_either_generation_of_keys_knows_the_chips(tmp_path: Path) -> None:
    path, uid = tmp_path / "chip.keys", "04A1B2C3D4E580"
    make_chip_keys(path)
    first, text = load_chip_keys(path), path.read_text("utf-8")
    add_chip_keys(path)
    both = load_chip_keys(path)
    path.write_text(re.sub(r"(?s)\[\[generation\]\]\nversion = 1.*?\n\n", "", path.read_text()))
    second = load_chip_keys(path)
    assert (first.versions, both.versions, second.versions) == ((1,), (1, 2), (2,))
    make_hot_list_keys(tmp_path / "k", tmp_path / "p")
    signer = load_hot_list_key(tmp_path / "k")
    for made_with, read_with in ((both, first), (both, second), (first, both), (second, both)):
        text = encode([uid], MORNING, made_with, signer)
        hot = decode(text, HotListKeys(signer.public, read_with))
        assert hot.names(uid, read_with)
        assert not hot.names("04A1B2C3D4E581", read_with)
    with pytest.raises(HotListError, match=r"chip keys \[1\], which this till does not have"):
        decode(encode([uid], MORNING, first, signer), HotListKeys(signer.public, second))


def test_a_list_of_the_old_format_is_not_taken_in_silence(office: Office) -> None:
    old = "tillcard hot list 1\n2026-11-28T09:00:00.000000Z\n00112233445566aa\n" + 64 * "0" + "\n"
    with pytest.raises(HotListError, match="make it anew"):
        decode(old, office.reads)


def test_the_commands_make_the_key_and_the_list_of_what_the_ledger_knows(tmp_path: Path) -> None:
    lay_out_chips(tmp_path)
    for name in ("hot-list.key", "hot-list.pub"):
        (tmp_path / name).unlink()
    config = ["--config", str(tmp_path / "tillcard.toml")]
    out = tmp_path / "hot.list"
    open_store("tillcard.db", tmp_path).close()
    without = tillcard("cards", "hot-list", str(out), *config)
    assert (without.exit_code, out.exists()) == (1, False)
    assert "hot-list-key" in without.output
    made = tillcard("cards", "hot-list-key", *config)
    assert (made.exit_code, "hot-list.pub to each till" in made.output) == (0, True), made.output
    again = tillcard("cards", "hot-list-key", *config)
    assert (again.exit_code, "is there already" in again.output) == (1, True)
    half = tillcard("cards", "hot-list", str(out), "--key", str(tmp_path / "hot-list.pub"), *config)
    assert half.exit_code == 1
    assert "is the public half; sign with hot-list.key" in half.output.replace("\n", " ")
    nowhere = tillcard("cards", "hot-list", str(tmp_path / "none/hot.list"), *config)
    assert nowhere.exit_code == 1
    assert f"there is no folder {tmp_path / 'none'}; make it first" in nowhere.output
    done = tillcard("cards", "hot-list", str(out), *config)
    assert (done.exit_code, "0 chips" in done.stdout) == (0, True), done.output
    public = load_hot_list_public_key(tmp_path / "hot-list.pub")
    reads = HotListKeys(public, load_chip_keys(tmp_path / "chip.keys"))
    assert decode(out.read_text("ascii"), reads).marks == frozenset()
    elsewhere = tmp_path / "safe.key"
    (tmp_path / "hot-list.key").rename(elsewhere)
    assert tillcard("cards", "hot-list", str(out), *config).exit_code == 1
    assert tillcard("cards", "hot-list", str(out), "--key", str(elsewhere), *config).exit_code == 0
    assert HOT_LIST_BYTES_MAX > 2 * 900_000 * 17, "most of a million chips fit, under two keys"


def test_whoever_has_lost_the_hot_lists_key_is_told_the_way_to_a_new_one(tmp_path: Path) -> None:
    lay_out_chips(tmp_path)
    config = ["--config", str(tmp_path / "tillcard.toml")]
    (tmp_path / "hot-list.key").unlink(missing_ok=True)
    (tmp_path / "hot-list.pub").touch()
    stuck = tillcard("cards", "hot-list-key", *config)
    assert stuck.exit_code == 1
    assert "delete it, make a new pair, copy the new .pub to each till" in stuck.output
    (tmp_path / "hot-list.pub").unlink()
    assert tillcard("cards", "hot-list-key", *config).exit_code == 0
