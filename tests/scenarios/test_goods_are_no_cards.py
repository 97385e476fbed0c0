"""What is scanned beside cards is goods: it passes through, and slows no card of the till's."""

from pathlib import Path

import pytest

from card_formats.check_digits import Check, append_check
from daemon.accounts.guess_limit import FAILURES_MAX
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


@pytest.mark.parametrize("prefix", ["", PREFIX])
async def test_products_never_slow_the_till_s_own_cards(
    prefix: str, tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path, **{PREFIX: prefix})
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        for n in range(2 * FAILURES_MAX):
            for begin in ("04", "2900"):  # of phone cards, and of plastic and a scale's labels
                body = f"{begin}{n + 77:0{12 - len(begin)}d}"
                goods = f"]E0{append_check(Check.EAN, body)}"
                await pos.call("input.simulate", reader="scanner", do="scan", data=goods)
                code, _ = await refusal(pos, "card.identify", reader="scanner")
                assert code in (204, 1010)  # no card was shown, or nobody's
        await pos.call("input.simulate", reader="scanner", do="scan", card="plastic")
        assert (await pos.call("card.identify", reader="scanner"))["name"] == "Olena"
        # What a client names may be a guess at a card.
        for n in range(FAILURES_MAX):
            named = append_check(Check.EAN, f"2900{n + 77:08d}")
            assert await refusal(pos, "card.identify", scan=named) == (1010, "card_unknown")
        assert (await refusal(pos, "card.identify", number=PLASTIC))[0] == 1041


@pytest.mark.parametrize("prefix", ["4", "02", "25", "1234567", "4a"])
def test_a_prefix_that_makes_no_card_is_refused_at_the_start(prefix: str, tmp_path: Path) -> None:
    lay_out(tmp_path, **{PREFIX: f'ean13_prefix = "{prefix}"'})
    with pytest.raises(configuration.ConfigError, match="ean13_prefix"):
        configuration.load(tmp_path / "tillcard.toml")
