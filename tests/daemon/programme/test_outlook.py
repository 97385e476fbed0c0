"""What is missing to a card's next steps, before it has a basket."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.programme.basket import Fact, Facts
from daemon.programme.price import outlook
from daemon.programme.programme import load
from tests.daemon.programme.shops import PROGRAMMES

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
SHOPS = {path.stem: load(path.read_text("utf-8")) for path in PROGRAMMES.glob("*.toml")}


def told(shop: str, **values: int) -> list[str]:
    facts: dict[str, Fact] = {f"meter.{name}": value for name, value in values.items()}
    facts["card.account"] = "a1"
    return [step.text for step in outlook(SHOPS[shop], Facts(MONDAY, facts))]


@pytest.mark.parametrize(
    ("spend", "steps"),
    [
        (0, ["300.00 more for 2 %"]),
        (29_999, ["0.01 more for 2 %"]),
        (30_000, ["400.00 more for 5 %"]),
        (10**9, []),
    ],
)
def test_a_step_table_over_a_meter_tells_the_distance_to_its_next_step(
    spend: int, steps: list[str]
) -> None:
    assert told("first", spend=spend) == steps


def test_what_a_basket_must_come_to_is_no_step_of_a_card() -> None:
    by = [step.by for shop in SHOPS.values() for step in outlook(shop, Facts(MONDAY, {}))]
    assert not [name for name in by if not name.startswith(("meter.", "purse."))]


@given(st.sampled_from(sorted(SHOPS)), st.integers(0, 10**9))
def test_every_documented_programme_has_an_outlook(shop: str, counted: int) -> None:
    facts: dict[str, Fact] = {name: counted for name in SHOPS[shop].facts}
    facts["card.account"] = "a1"
    assert all(step.missing >= 0 for step in outlook(SHOPS[shop], Facts(MONDAY, facts)))
