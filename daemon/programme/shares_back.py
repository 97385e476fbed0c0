"""What comes back when goods come back: the shares that the sale froze.

**Shares.** A quote says of every line what was paid for it, in money and from purses, and what it
earned. So a return needs neither the rules nor the day of the sale: it gives back the part of each
share that the goods are of their line. Each part is what is due so far less what was given before,
so that rounding never adds up. A line of three for 10.00, returned piece by piece:

    due so far   3.33   6.67   10.00        half up of 10.00 x k / 3
    given        3.33   3.34    3.33

**Free pieces.** A piece that was made free by stamps has no share: the line's other pieces carry
them, and come back first. Three coffees of 50.00, one of them free, with seven stamps before:

    returned           0      1      2      3
    refunded        0.00  50.00 100.00 100.00
    stamps             0     -1     -2      7

So a paid piece takes its stamp with it, which may leave the card with less than none, and a free
one that was given stays free. With the free one the nine stamps come back that it took.

**Recompute.** With ``return_policy = "recompute"`` the goods that stay are priced once more by
themselves, and what they would have cost more is kept from the refund. 10 % from 100.00 on; 60.00
and 50.00 were sold for 99.00, shares 54.00 and 45.00. The first comes back: the second alone costs
50.00, which is 5.00 more than its share, so 49.00 are refunded. When the second comes back too,
nothing stays that could be dearer, and the rest of the 99.00 is refunded: 50.00. Stamps are then
those that what stays would have brought alone: of the three coffees two stay, which bring two
stamps and make none free. The nine are there again, and the free one's 50.00 is kept.

**Sums.** What was earned as one sum for the whole sale (50 points from 300.00 on), or handed out as
a code, is no share of a line. It stays as long as its rule would give it for what stays, priced by
itself, and goes as one. 310.00 were sold; 5.00 come back: all 50 stay. 10.00 more: all 50 go.
"""

from collections.abc import Iterable, Mapping

import msgspec

from daemon.base.money import half_up, share_all
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.programme.basket import Basket, BasketLine, Facts, LineId
from daemon.programme.cash_rounding import CashRounding
from daemon.programme.errors import BasketError
from daemon.programme.goods import PIECE_MILLI, parse_qty_milli
from daemon.programme.names import counts_stamps, stamps_meter
from daemon.programme.price import price
from daemon.programme.programme import Programme
from daemon.programme.quote import Quote, QuotedLine, Use


class LineBack(msgspec.Struct, frozen=True, kw_only=True):
    """What one line gives back. ``complete``: all of it has now come back.

    money:  refunded, in minor units, before it is rounded.
    burned: by purse, in the purse's unit, put back. earned: by purse or ``purse@account``, and
            meters: by meter, taken back.
    """

    line: LineId
    qty_milli: int
    money: int
    burned: dict[str, int]
    earned: dict[str, int]
    meters: dict[str, int]
    complete: bool


class SharesBack(msgspec.Struct, frozen=True, kw_only=True):
    """The whole return. The sums are those of the lines, and of the sale when it is ``complete``.

    money:       refunded, in minor units: of the lines, and ``rounding``.
    rounding:    what a refund in cash is more, or less where it is below 0.
    uses:        limits that get their use back.
    clawed_back: what a re-quote has kept from the refunds so far, in minor units.
    kept:        what the refund is short of for what was earned and is gone, in minor units.
    codes:       those that the sale handed out and that are taken back.
    lapsed:      how much of what comes back had lapsed meanwhile, by purse.
    """

    lines: tuple[LineBack, ...]
    money: int
    burned: dict[str, int]
    earned: dict[str, int]
    meters: dict[str, int]
    uses: tuple[Use, ...] = ()
    complete: bool = False
    clawed_back: int = 0
    kept: int = 0
    codes: tuple[str, ...] = ()
    lapsed: dict[str, int] = {}
    rounding: int = 0


def shares_back(
    quote: Quote, returned: Mapping[LineId, int], asked: Mapping[LineId, int]
) -> SharesBack:
    """Return what is given back for ``asked``, after ``returned`` came back before.

    returned, asked: by line, thousandths of the unit.
    Each share is half-up(share x so far / all) less what was given before, so that any sequence
    of returns gives every minor unit and point back exactly once. Sums that were earned for the
    whole sale are left to `sums_back`.
    Raises: RefusedError ``not_returnable``, ``returned_already``; BasketError.
    """
    lines = {line.line: line for line in quote.lines}
    once = _sums_by_line(quote)
    for number, qty_milli in asked.items():
        _check(lines.get(number), number, returned.get(number, 0), qty_milli)
    if not asked:
        raise BasketError("lines", "nothing is to come back; name at least one line")
    backs = tuple(
        _line_back(lines[number], returned.get(number, 0), qty_milli, once.get(number, {}))
        for number, qty_milli in asked.items()
    )
    complete = all(
        returned.get(line.line, 0) + asked.get(line.line, 0) == line.qty_milli
        for line in quote.lines
    )
    # Lines carry their shares of what was counted by money or units. What was counted once for the
    # whole sale, such as a visit, is on no line: it leaves with the last of them.
    meters = _sum(back.meters for back in backs)
    if complete:
        for meter, amount in quote.meters.items():
            of_the_sale = amount - sum(line.meters.get(meter, 0) for line in quote.lines)
            if of_the_sale:
                meters[meter] = meters.get(meter, 0) + of_the_sale
    return SharesBack(
        lines=backs,
        money=sum(back.money for back in backs),
        burned=_sum(back.burned for back in backs),
        earned=_sum(back.earned for back in backs),
        meters=meters,
        uses=tuple(use for use in quote.uses if use.returnable) if complete else (),
        complete=complete,
    )


def recompute(
    programme: Programme,
    quote: Quote,
    basket: Basket,
    facts: Facts,
    returned: Mapping[LineId, int],
    asked: Mapping[LineId, int],
    refunded_minor: int,
) -> SharesBack:
    """Return what `shares_back` does, less what the goods that stay would have cost more alone.

    programme, basket, facts: those of the sale. refunded_minor: money given back for it so far,
    before it was rounded.
    The refund is never below 0; when everything is back, everything was refunded. Purses and
    meters come back as `shares_back` says.
    Raises: as `shares_back`.
    """
    by_shares = shares_back(quote, returned, asked)
    gone = {line.line: returned.get(line.line, 0) + asked.get(line.line, 0) for line in quote.lines}
    # Both sums count from the sale on, not from the last return: goods that were dear to keep
    # after one return may be gone after the next, and then what was kept for them is refunded.
    due = sum(_part(line, line.paid, gone[line.line]) for line in quote.lines)
    alone = price_alone(programme, basket, facts, gone)
    refund = max(0, due - _dearer_alone(quote, alone, gone) - refunded_minor)
    kept = max(0, due - refunded_minor - refund)
    meters = by_shares.meters
    if any(off.free for line in quote.lines for off in line.applied):
        stamps = _stamps_between(price_alone(programme, basket, facts, returned), alone)
        meters = {meter: n for meter, n in meters.items() if not counts_stamps(meter)} | stamps
    back = less(by_shares, by_shares.money - refund)
    return msgspec.structs.replace(back, clawed_back=kept, meters=meters)


def _dearer_alone(quote: Quote, alone: Quote | None, gone: Mapping[LineId, int]) -> int:
    """Return how much more the goods that stay cost alone than their shares of the sale.

    alone: their quote. gone: by line, in thousandths, all that has come back. No purse pays in the
    new quote: what purses paid comes back by shares, so ``net`` is compared, before they pay.
    """
    if alone is None:
        return 0
    shares = sum(line.net - _part(line, line.net, gone[line.line]) for line in quote.lines)
    return max(0, alone.net - shares)


def _stamps_between(before: Quote | None, after: Quote | None) -> dict[str, int]:
    """Return the stamps that go where what stays of a sale shrinks; None is nothing."""
    had, stays = (quote.meters if quote is not None else {} for quote in (before, after))
    meters = filter(counts_stamps, {**had, **stays})
    return {meter: had.get(meter, 0) - stays.get(meter, 0) for meter in meters}


def price_alone(
    programme: Programme, basket: Basket, facts: Facts, gone: Mapping[LineId, int]
) -> Quote | None:
    """Price what stays of a sale by itself, with nothing burned; None where nothing stays.

    gone: by line, in thousandths, all that has come back.
    """
    staying = [
        rest
        for line in basket.lines
        if (rest := _without(line, gone.get(line.line, 0))) is not None
    ]
    if not staying:
        return None
    basket = msgspec.structs.replace(basket, lines=tuple(staying), burn={})
    return price(programme, basket, facts, cuts=True)


def sums_back(quote: Quote, alone: Quote | None, gone: Mapping[str, int]) -> dict[str, int]:
    """Return what goes now of each sum that was earned for the whole sale, by its rule.

    alone: the quote of what stays. gone: what has gone before; it does not come again.
    """
    stays = {earned.rule: earned.amount for earned in alone.earn} if alone else {}
    due = {
        earned.rule: earned.amount - stays.get(earned.rule, 0) - gone.get(earned.rule, 0)
        for earned in quote.earn
        if earned.by_line
    }
    return {rule: amount for rule, amount in due.items() if amount > 0}


def with_sums(back: SharesBack, quote: Quote, sums: Mapping[str, int]) -> SharesBack:
    """Return ``back`` with sums that go, by rule, added to what was earned."""
    earned = dict(back.earned)
    for entry in quote.earn:
        if entry.by_line and (amount := sums.get(entry.rule, 0)):
            earned[entry.key] = earned.get(entry.key, 0) + amount
    return msgspec.structs.replace(back, earned=earned)


def _sums_by_line(quote: Quote) -> dict[LineId, dict[str, int]]:
    """Return per line, by key, its shares of sums that were earned for the whole sale."""
    shares: dict[LineId, dict[str, int]] = {}
    for earned in quote.earn:
        for line, share in zip(quote.lines, earned.by_line, strict=False):
            of_line = shares.setdefault(line.line, {})
            of_line[earned.key] = of_line.get(earned.key, 0) + share
    return shares


def rounded(back: SharesBack, cash: CashRounding, before: int) -> SharesBack:
    """Return ``back`` with its refund rounded, together with all that came back before.

    before: that, in minor units, not rounded. So the refunds of a sale sum up to what was paid.
    """
    rounding = cash.of(before + back.money) - cash.of(before)
    return msgspec.structs.replace(back, money=back.money + rounding, rounding=rounding)


def less(back: SharesBack, minor: int) -> SharesBack:
    """Return ``back`` with its refund smaller by ``minor``, or nothing left of it."""
    refund = max(0, back.money - minor)
    of_lines = max(0, back.money - back.rounding - minor)
    shares = share_all(of_lines, [line.money for line in back.lines])
    lines = tuple(
        msgspec.structs.replace(line, money=money)
        for line, money in zip(back.lines, shares, strict=True)
    )
    rounding = refund - of_lines
    return msgspec.structs.replace(back, lines=lines, money=refund, rounding=rounding)


def check_pieces(basket: Basket, asked: Mapping[LineId, int]) -> None:
    """Raise BasketError for a part of a piece: only what was weighed comes back in parts."""
    for line in basket.lines:
        if isinstance(line.qty, int) and asked.get(line.line, 0) % PIECE_MILLI:
            raise BasketError("lines.qty", f"line {line.line}: pieces come back whole")


def _without(line: BasketLine, gone_milli: int) -> BasketLine | None:
    """Return a line without what came back; None when all of it did."""
    left = parse_qty_milli(line.qty, "lines.qty") - gone_milli
    if left == 0:
        return None
    if isinstance(line.qty, str):
        return msgspec.structs.replace(line, qty=f"{left // PIECE_MILLI}.{left % PIECE_MILLI:03d}")
    if left % PIECE_MILLI:
        raise BasketError("lines.qty", f"line {line.line}: pieces come back whole")
    return msgspec.structs.replace(line, qty=left // PIECE_MILLI)


def part_back(line: QuotedLine, share: int, before: int, qty_milli: int) -> int:
    """Return what ``qty_milli`` thousandths of a line take of a share of it, after ``before``."""
    return _part(line, share, before + qty_milli) - _part(line, share, before)


def _check(line: QuotedLine | None, number: LineId, before: int, qty_milli: int) -> None:
    if line is None:
        raise RefusedError(ErrorCode.NOT_RETURNABLE, f"Line {number} is not in that sale.")
    if qty_milli <= 0:
        raise BasketError("lines.qty", f"line {number}: send a quantity above 0")
    if before + qty_milli > line.qty_milli:
        left = line.qty_milli - before
        detail = f"Of line {number}, {left / 1000:g} can come back; {qty_milli / 1000:g} was asked."
        raise RefusedError(ErrorCode.RETURNED_ALREADY, detail, extra={"left_milli": left})


def _part(line: QuotedLine, share: int, gone: int) -> int:
    """Return the part of a share that ``gone`` thousandths of its line have, free pieces last."""
    free = PIECE_MILLI * sum(off.free for off in line.applied)
    paid = line.qty_milli - free if free < line.qty_milli else line.qty_milli
    return half_up(share * min(gone, paid), paid)


def _stamps_part(line: QuotedLine, meter: str, gone: int) -> int:
    """Return the stamps that ``gone`` thousandths of a line have brought, those it took last."""
    free = PIECE_MILLI * sum(off.free for off in line.applied if stamps_meter(off.rule) == meter)
    paid = line.qty_milli - free
    took = PIECE_MILLI * line.meters.get(meter, 0) - paid
    return (min(gone, paid) + (took * max(0, gone - paid) // free if free else 0)) // PIECE_MILLI


def _line_back(line: QuotedLine, before: int, qty_milli: int, once: Mapping[str, int]) -> LineBack:
    after = before + qty_milli

    def back(share: int) -> int:
        return part_back(line, share, before, qty_milli)

    def meter_back(meter: str) -> int:
        if not counts_stamps(meter):
            return back(line.meters[meter])
        return _stamps_part(line, meter, after) - _stamps_part(line, meter, before)

    stamps = [stamps_meter(off.rule) for off in line.applied if off.free]

    burned = {
        purse: minor for purse, minor in line.burned.items() if purse not in line.burned_units
    }
    return LineBack(
        line=line.line,
        qty_milli=qty_milli,
        money=back(line.paid),
        burned={purse: back(share) for purse, share in (burned | line.burned_units).items()},
        earned={purse: back(share - once.get(purse, 0)) for purse, share in line.earned.items()},
        meters={meter: meter_back(meter) for meter in dict.fromkeys((*line.meters, *stamps))},
        complete=after == line.qty_milli,
    )


def _sum(tables: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for table in tables:
        for name, amount in table.items():
            total[name] = total.get(name, 0) + amount
    return total
