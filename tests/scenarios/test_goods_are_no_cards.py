"""What is scanned beside cards is goods: it passes through, and slows no card of the till's."""

from pathlib import Path

import pytest

from card_formats.check_digits import Check, append_check
from daemon.accounts.guess_limit import FAILURES_MAX, SLOW_S
from daemon.base import config as configuration
from tests.scenarios.shops import refusal
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, lay_out, open_till

PREFIX = 'ean13_prefix = "04"'
UPC = "412345678903"
"""A UPC-A of North America: number system 4, of a retailer's own goods."""


@pytest.mark.parametrize("sent", [f"]E0{UPC}", f"]E00{UPC}", UPC, f"0{UPC}"])
async def test_a_upc_that_begins_with_4_is_a_product_unless_the_shop_says_otherwise(
    sent: str, tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path, **{PREFIX: ""})
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        await pos.call("events.subscribe")
        await pos.call("input.simulate", reader="scanner", do="scan", data=sent)
        scan = await pos.event("scan", "card.presented", "scan.unreadable")
        assert (scan["type"], scan["text"]) == ("scan", sent.removeprefix("]E0"))


async def test_goods_outside_the_shop_s_ranges_never_slow_its_cards(
    tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path, **{PREFIX: ""})
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        for n in range(2 * FAILURES_MAX):
            for begin in ("04", "482", "2100"):  # a UPC-A, a product's EAN-13, a scale's label
                await scan(pos, begin, n)
                assert await refusal(pos, "card.identify", reader="scanner") == (204, "no_card")
        await pos.call("input.simulate", reader="scanner", do="scan", card="plastic")
        assert (await pos.call("card.identify", reader="scanner"))["name"] == "Olena"


@pytest.mark.parametrize(("prefix", "begin"), [("", "2900"), (PREFIX, "2900"), (PREFIX, "04")])
async def test_numbers_printed_within_a_range_of_the_shop_are_guesses(
    prefix: str, begin: str, tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path, **{PREFIX: prefix})
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        for n in range(FAILURES_MAX):
            await scan(pos, begin, n)
            unknown = await refusal(pos, "card.identify", reader="scanner")
            assert unknown == (1010, "card_unknown")
        await pos.call("input.simulate", reader="scanner", do="scan", card="plastic")
        slowed = await refusal(pos, "card.identify", reader="scanner")
        assert slowed == (1041, "rate_limited")
        clock.move(seconds=SLOW_S)
        assert (await pos.call("card.identify", reader="scanner"))["name"] == "Olena"
        # Only that reader waits.
        assert (await pos.call("card.identify", number=PLASTIC))["name"] == "Olena"


async def scan(pos: Pos, begin: str, n: int) -> None:
    """Scan the ``n``-th EAN-13 with some first digits, of which no card has one."""
    ean = append_check(Check.EAN, f"{begin}{n + 77:0{12 - len(begin)}d}")
    await pos.call("input.simulate", reader="scanner", do="scan", data=f"]E0{ean}")


@pytest.mark.parametrize("prefix", ["4", "02", "25", "1234567", "4a"])
def test_a_prefix_that_makes_no_card_is_refused_at_the_start(prefix: str, tmp_path: Path) -> None:
    lay_out(tmp_path, **{PREFIX: f'ean13_prefix = "{prefix}"'})
    with pytest.raises(configuration.ConfigError, match="ean13_prefix"):
        configuration.load(tmp_path / "tillcard.toml")
