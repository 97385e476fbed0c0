"""What the ledger is asked before a quote: meters' windows, and counters of limited rules."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from daemon.programme.days import later
from daemon.programme.programme import Programme
from daemon.programme.state import Meter


def windows(
    programme: Programme, today: date, since: Mapping[str, date]
) -> dict[str, tuple[date, date] | None]:
    """Return per meter the first and the last local day to sum, both included; None is life.

    since: by status, the day on which the card's membership began; a meter that counts since a
           status that the card has not gets a window that ends before it begins.
    """
    return {meter.id: _window(meter, today, since) for meter in programme.meters.values()}


def _window(meter: Meter, today: date, since: Mapping[str, date]) -> tuple[date, date] | None:
    match meter.window:
        case "life":
            return None
        case "days":
            return today - timedelta(days=meter.days - 1), today
        case "month":
            return today.replace(day=1), _month_end(today)
        case "prev_month":
            end = today.replace(day=1) - timedelta(days=1)
            return end.replace(day=1), end
        case "since":
            begun = since.get(meter.status)
            return (later(today, 1), today) if begun is None else (begun, today)


def _month_end(day: date) -> date:
    return later(day.replace(day=28), 4).replace(day=1) - timedelta(days=1)


def counters(
    programme: Programme, account: str | None, today: date, codes: Iterable[str]
) -> dict[str, int]:
    """Return the usage counters that `price` needs as ``used.<counter>``, each with its limit."""
    shown = list(codes)
    return dict(
        counted
        for rule in programme.rules
        if rule.limit is not None
        for counted in rule.limit.counters(account, today, shown)
    )
