"""The hot list: what one ledger knows of bad chips reaches tills without a line to it."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.chip.hot_list import HOT_LIST_BYTES_MAX, HotListError, decode, encode, hot_uids, mark
from daemon.keys.chip_keys import ChipKeys, add_chip_keys, load_chip_keys, make_chip_keys
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Change
from tests.support.chip_till import ChipShop, HandTill, Wallet, make_home
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
    path.write_text(encode(uids, shop.clock.now(), shop.keys), "ascii")
    async with shop.till("b", hot_list="hot.list") as other:
        error = await refused(other, shop.wallet)
        assert (error.code, "hot list" in error.detail) == (ErrorCode.CARD_BLOCKED, True)
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
        assert caplog.text.count("was not taken") == 1, "that there is none is said once"
        caplog.clear()
        hot = encode([uid], shop.clock.now(), shop.keys)
        cool = encode([], shop.clock.now() - timedelta(days=1), shop.keys)
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
    path.write_text(encode([], shop.clock.now(), shop.keys), "ascii")
    async with shop.till("a", hot_list="hot.list", hot_list_days=7) as till:
        await till.buy("s1", (await till.tap(shop.wallet)).presentation, 10)
        shop.clock.move(days=8)
        presentation = (await till.tap(shop.wallet)).presentation
        with pytest.raises(RefusedError) as caught:
            await till.buy("s2", presentation, 10)
        assert caught.value.code is ErrorCode.OFFLINE
        await till.buy("s3", (await till.tap(shop.wallet)).presentation, codes=("BACK",))
        path.write_text(encode([], shop.clock.now(), shop.keys), "ascii")
        await till.buy("s2", (await till.tap(shop.wallet)).presentation, 10)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> ChipKeys:
    path = tmp_path_factory.mktemp("keys") / "chip.keys"
    make_chip_keys(path)
    return load_chip_keys(path)


@given(st.text(max_size=200))
def test_any_text_is_a_list_or_our_own_error(keys: ChipKeys, text: str) -> None:
    with pytest.raises(HotListError):
        decode(text, keys)


@given(st.sets(st.binary(min_size=7, max_size=7), max_size=9), st.data())
def test_a_list_is_read_as_written_and_no_changed_letter_passes(
    keys: ChipKeys, uids: set[bytes], data: st.DataObject
) -> None:
    names = [uid.hex().upper() for uid in uids]
    text = encode(names, MORNING, keys)
    assert decode(text, keys).marks == {mark(name) for name in names}
    assert not any(name in text for name in names), "it names nobody"
    at = data.draw(st.integers(0, len(text) - 2))
    other = data.draw(st.sampled_from("0a\n Z").filter(lambda letter: letter != text[at]))
    with pytest.raises(HotListError):
        decode(text[:at] + other + text[at + 1 :], keys)


def test_a_list_under_either_generation_of_keys_is_taken(keys: ChipKeys, tmp_path: Path) -> None:
    path = tmp_path / "chip.keys"
    make_chip_keys(path)
    old = load_chip_keys(path)
    add_chip_keys(path)
    both = load_chip_keys(path)
    for made_with in (old, both):
        decode(encode([], MORNING, made_with), both)
    with pytest.raises(HotListError):
        decode(encode([], MORNING, keys), both)


async def test_the_command_writes_what_its_ledger_knows(tmp_path: Path) -> None:
    lay_out_chips(tmp_path)
    home, out = tmp_path, tmp_path / "hot.list"
    shop_keys = load_chip_keys(home / "chip.keys")
    open_store("tillcard.db", home).close()
    line = ["cards", "hot-list", str(out), "--config", str(home / "tillcard.toml")]
    done = tillcard(*line)
    assert (done.exit_code, "0 chips" in done.stdout) == (0, True), done.output
    assert decode(out.read_text("ascii"), shop_keys).marks == frozenset()
    assert HOT_LIST_BYTES_MAX > 1_000_000 * 17, "a million chips fit"
