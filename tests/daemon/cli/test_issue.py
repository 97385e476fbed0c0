"""A batch of cards or flyers: issued, listed, used at the till, and over in time."""

import asyncio
import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession
from typer.testing import Result

from tests.scenarios.baskets import BASKET
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import Pos, RefusedByTillError, audited, lay_out, open_till

COUNT = 300
FLYER_RULE = """
[[rule]]
id = "flyer"
text = "10 % once, with the flyer"
lane = "card"
when = { card = { kind = "flyer" } }
limit = { per_card = 1 }
give = { percent = 10 }
"""


def issue(home: Path, *words: str, count: int = COUNT, clock: HandClock | None = None) -> Result:
    files = ["--config", str(home / "tillcard.toml"), "--out", str(home / "cards.csv")]
    return tillcard("issue", str(count), *files, *words, clock=clock)


def listed(home: Path) -> list[dict[str, str]]:
    with (home / "cards.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    coupons = '[web.coupons.flyer]\nrule = "flyer"\nuk = "Знижка 10 %"\n'
    public = 'port = 0\npublic_url = "https://card.example"\n'
    lay_out(tmp_path, **{"port = 0": public + coupons})
    return tmp_path


def test_every_card_of_a_batch_is_issued_and_listed_once(home: Path) -> None:
    done = issue(home)
    assert done.exit_code == 0, done.output
    cards = listed(home)
    for column in ("number", "ean13", "link"):
        assert len({card[column] for card in cards}) == COUNT
    assert all(card["link"].startswith("https://card.example/c/") for card in cards)
    assert (home / "cards.csv").stat().st_mode & 0o777 == 0o600
    result = audited(home)
    assert (result.entries, result.findings) == (COUNT, ())


def test_a_list_that_is_there_is_never_written_over(home: Path) -> None:
    (home / "cards.csv").write_text("mine")
    done = issue(home)
    assert done.exit_code == 1
    assert "cards.csv is there already" in " ".join(done.output.split())
    assert (home / "cards.csv").read_text() == "mine"
    assert not (home / "tillcard.db").exists()


def test_a_ledger_that_a_daemon_writes_is_left_alone(home: Path) -> None:
    async def while_it_runs() -> Result:
        async with open_till(home, HandClock()):
            return await asyncio.to_thread(issue, home)

    done = asyncio.run(while_it_runs())
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert not (home / "cards.csv").exists(), "the same command works when the daemon has stopped"


@pytest.mark.parametrize("count", [0, 1_000_001])
def test_a_batch_has_a_least_and_a_greatest_size(home: Path, count: int) -> None:
    assert issue(home, count=count).exit_code == 2


def test_cards_that_are_over_already_are_not_issued(home: Path) -> None:
    done = issue(home, "--until", "2020-01-01")
    assert done.exit_code == 1
    assert "over already" in done.output
    assert not (home / "cards.csv").exists()


def test_a_last_day_that_is_none_is_answered_with_an_example(home: Path) -> None:
    done = issue(home, "--until", "tomorrow")
    assert (done.exit_code, "such as 2026-12-31" in done.output) == (2, True), done.output


def test_the_last_day_ends_at_the_shop_s_midnight_by_the_clock_of_the_command(home: Path) -> None:
    last = ("--until", "2026-11-24")  # in Kyiv, two hours before UTC
    late = HandClock(datetime(2026, 11, 24, 22, 0, tzinfo=UTC))
    assert issue(home, *last, count=1, clock=late).exit_code == 1
    late.move(seconds=-1)
    assert issue(home, *last, count=1, clock=late).exit_code == 0


def test_a_kind_that_is_no_coupon_and_links_that_nobody_reaches_are_told(home: Path) -> None:
    assert "coupon" not in issue(home, "--kind", "flyer", count=1).output
    (home / "cards.csv").unlink()
    done = issue(home, "--kind", "flier", count=1)
    assert (done.exit_code, len(listed(home))) == (0, 1)
    assert "'flier' are no coupons" in done.output
    assert "public_url" not in done.output
    (home / "cards.csv").unlink()
    text = (home / "tillcard.toml").read_text()
    (home / "tillcard.toml").write_text(text.replace("public_url", "# public_url"))
    done = issue(home, count=1)
    assert done.exit_code == 0
    assert "the links begin with http://127.0.0.1" in done.output


@pytest.fixture
async def flyers(home: Path) -> list[dict[str, str]]:
    with (home / "programme.toml").open("a") as programme:
        programme.write(FLYER_RULE)
    last = date(2026, 11, 24).isoformat()
    done = await asyncio.to_thread(issue, home, "--kind", "flyer", "--until", last, count=2)
    assert done.exit_code == 0, done.output
    return listed(home)


async def test_a_flyer_gives_its_benefit_once_and_is_over_after_its_last_day(
    home: Path, flyers: list[dict[str, str]]
) -> None:
    clock = HandClock()
    number, token = flyers[0]["number"], flyers[0]["link"].rpartition("/")[2]
    async with open_till(home, clock) as till, Pos.connect(till.socket) as pos:
        totals = []
        for n in range(2):
            shown = await pos.call("card.identify", scan=number)
            posted = await pos.call(
                "sale.commit",
                sale_id=f"s{n}",
                presentation=shown["presentation"],
                lines=BASKET,
            )
            totals.append(posted["total"])
        assert totals == [63_000, 68_600], "10 % once; then a regular customer's 2 %"
        async with ClientSession() as browser:
            page = f"{till.web_url}/c/{token}"
            async with browser.get(page) as shown_page:
                text = await shown_page.text()
                assert "This coupon has been used" in text
                assert "Valid until 24 Nov 2026" in text
                assert "History" not in text
            fresh = f"{till.web_url}/c/{flyers[1]['link'].rpartition('/')[2]}"
            async with browser.get(fresh) as fresh_page:
                text = await fresh_page.text()
                assert "10 % once, with the flyer" in text
                assert "Uses left: 1" in text
            async with browser.get(f"{fresh}?lang=uk") as fresh_page:
                assert "Знижка 10 %" in await fresh_page.text()
            assert flyers[0]["until"] == "2026-11-24", "the last day, as it was said"
            clock.move(hours=(48 - 10) - 1 / 3600)
            await pos.call("card.identify", scan=number)
            clock.move(seconds=1)
            with pytest.raises(RefusedByTillError) as caught:
                await pos.call("card.identify", scan=number)
            assert (caught.value.code, caught.value.data["name"]) == (1012, "card_expired")
            async with browser.get(page) as shown_page:
                assert "This coupon has expired" in await shown_page.text()
            async with browser.get(f"{page}/code.svg") as code:
                assert code.status == 410
