"""What a sale adds to the meters: per line, and visits once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import msgspec

from daemon.programme.basket import Basket, BasketLine
from daemon.programme.goods import pieces_of, units_of
from daemon.programme.names import OwnedPurse, counts_stamps
from daemon.programme.programme import Programme
from daemon.programme.quote import Applied, Quote
from daemon.programme.state import Meter


class Sold(msgspec.Struct):
    """One line as the meters see it: pieces, money in minor units, points by purse, discounts."""

    line: BasketLine
    units: int
    net: int
    paid: int
    earned: Mapping[str, int]
    applied: Sequence[Applied]


def count(
    meters: Iterable[Meter], sold: Sequence[Sold], day: date
) -> tuple[list[dict[str, int]], dict[str, int]]:
    """Return what each line adds, by meter, and what the whole sale adds."""
    by_line: list[dict[str, int]] = [{} for _ in sold]
    whole: dict[str, int] = {}
    for meter in meters:
        mine = [i for i, line in enumerate(sold) if meter.goods.holds(line.line, day)]
        if meter.of == "visits":
            if mine:
                whole[meter.id] = 1
            continue
        total = 0
        for i in mine:
            amount = _amount(meter, sold[i])
            if amount:
                by_line[i][meter.id] = amount
                total += amount
        if total:
            whole[meter.id] = total
    return by_line, whole


def _amount(meter: Meter, line: Sold) -> int:
    match meter.of:
        case "paid":
            return line.paid
        case "net":
            return line.net
        case "units":
            return line.units
        case "visits":
            return 0
        case "stamps":
            free = sum(off.free for off in line.applied if off.rule == meter.rule)
            return pieces_of(line.line) - meter.every * free
        case "points":
            if meter.purse:
                return line.earned.get(OwnedPurse(meter.purse).key, 0)
            return sum(n for key, n in line.earned.items() if not OwnedPurse.of(key).account)


def recount(programme: Programme, basket: Basket, quote: Quote) -> Quote:
    """Return a card's posted quote with the meters of ``programme``: for a new meter's past.

    Stamps stay as they were priced: a piece that was made free then has taken those of that day,
    and what was sold before there were stamps brings none.
    """
    sold = [
        Sold(line, units_of(line), quoted.net, quoted.paid, quoted.earned, quoted.applied)
        for line, quoted in zip(basket.lines, quote.lines, strict=True)
    ]
    day = programme.days.day_of(datetime.fromisoformat(quote.now))
    meters = [meter for meter in programme.meters.values() if meter.of != "stamps"]
    by_line, whole = count(meters, sold, day)
    lines = tuple(
        msgspec.structs.replace(quoted, meters=_stamps(quoted.meters) | counted)
        for quoted, counted in zip(quote.lines, by_line, strict=True)
    )
    return msgspec.structs.replace(quote, lines=lines, meters=_stamps(quote.meters) | whole)


def _stamps(meters: Mapping[str, int]) -> dict[str, int]:
    return {meter: n for meter, n in meters.items() if counts_stamps(meter)}
