"""The figures of one customer follow from sums: half up on the absolute value, and n/a."""

from datetime import date

import pytest

from daemon.base.refusals import ParamError
from daemon.reports.customer_figures import (
    YEARS_MAX,
    CustomerSums,
    figures_of,
    period_said,
    ratio,
)
from daemon.reports.period import Period

NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30))
TODAY = date(2026, 11, 28)
DAY = date(2026, 11, 12).toordinal()


def test_the_worked_example() -> None:
    """500.00 with 25.00 off, 300.00, 200.00, the last wholly returned."""
    sums = CustomerSums(
        visits=2, list_total=80_000, discount=2_500, net=77_500, paid=77_500,
        first_day=DAY, last_day=DAY + 2,
    )  # fmt: skip
    found = figures_of(sums, NOVEMBER, TODAY, standing_bp=500)
    assert (found.purchases, found.list_total, found.discount, found.net) == (
        *(2, 80_000),
        *(2_500, 77_500),
    )
    assert (found.discount_bp, found.average, found.standing_bp) == (313, 38_750, 500)
    assert (found.first_day, found.last_day, found.days_since) == ("2026-11-12", "2026-11-14", 14)


@pytest.mark.parametrize(
    ("amount", "by", "rounded"),
    [
        (1, 2, 1),
        (-1, 2, -1),
        (1, 3, 0),
        (-1, 3, 0),
        (5, 3, 2),
        (-5, 3, -2),
        (25_000_000, 80_000, 313),  # 312.5
        (-25_000_000, 80_000, -313),
        (0, 7, 0),
        (7, 0, None),
        (7, -2, None),
    ],
)
def test_a_share_is_rounded_half_up_on_its_absolute_value(
    amount: int, by: int, rounded: int | None
) -> None:
    assert ratio(amount, by) == rounded


def test_of_nothing_there_is_no_share_average_or_day() -> None:
    found = figures_of(CustomerSums(), NOVEMBER, TODAY)
    assert (found.purchases, found.net, found.margin) == (0, 0, 0)
    nothing = (found.discount_bp, found.average, found.standing_bp)
    assert nothing == (None, None, None)
    assert (found.first_day, found.last_day, found.days_since) == (None, None, None)


def test_where_more_came_back_than_was_sold_there_is_no_share_and_no_average() -> None:
    found = figures_of(CustomerSums(visits=-1, list_total=-500, net=-450), NOVEMBER, TODAY)
    assert (found.purchases, found.discount_bp, found.average) == (-1, None, None)


def test_a_margin_needs_the_cost_of_every_line() -> None:
    known = CustomerSums(visits=1, list_total=900, net=900, cost=500, cost_net=900)
    assert figures_of(known, NOVEMBER, TODAY).margin == 400
    part = CustomerSums(visits=1, list_total=900, net=900, cost=200, cost_net=400)
    assert figures_of(part, NOVEMBER, TODAY).margin is None
    loss = CustomerSums(visits=1, list_total=900, net=900, cost=1_000, cost_net=900)
    assert figures_of(loss, NOVEMBER, TODAY).margin == -100


def test_days_are_counted_to_the_end_of_the_period_or_to_today() -> None:
    sums = CustomerSums(visits=1, list_total=1, net=1, first_day=DAY, last_day=DAY)
    assert figures_of(sums, NOVEMBER, TODAY).days_since == 16
    past = Period(date(2026, 11, 1), date(2026, 11, 20))
    assert figures_of(sums, past, TODAY).days_since == 8


@pytest.mark.parametrize(
    ("first", "last", "period"),
    [
        ("", "", (date(2025, 11, 29), TODAY)),
        ("", "2026-01-31", (date(2025, 2, 1), date(2026, 1, 31))),
        ("", "2024-02-29", (date(2023, 3, 1), date(2024, 2, 29))),
        ("", "2024-12-31", (date(2024, 1, 1), date(2024, 12, 31))),
        ("", "0001-05-01", (date.min, date(1, 5, 1))),
        ("2026-11-01", "", (date(2026, 11, 1), TODAY)),
        ("2026-11-01", "2026-11-01", (date(2026, 11, 1), date(2026, 11, 1))),
    ],
)
def test_a_period_is_the_twelve_months_until_today_where_nothing_is_said(
    first: str, last: str, period: tuple[date, date]
) -> None:
    assert period_said(first, last, TODAY) == Period(*period)


@pytest.mark.parametrize(
    ("first", "last", "problem"),
    [
        ("2026-11-31", "", "from: .* is no day"),
        ("", "today", "to: .* is no day"),
        ("2026-11-29", "2026-11-01", "to: .*turn them round"),
        (f"{2025 - YEARS_MAX}-12-31", "2026-01-01", f"from: .*at most {YEARS_MAX} years"),
    ],
)
def test_no_period_is_refused(first: str, last: str, problem: str) -> None:
    with pytest.raises(ParamError, match=problem):
        period_said(first, last, TODAY)
