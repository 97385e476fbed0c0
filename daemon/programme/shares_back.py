"""What comes back when goods come back: by the shares that the sale froze."""

from collections.abc import Iterable, Mapping

import msgspec

from daemon.base.money import half_up, share_all
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.programme.basket import Basket, BasketLine, Facts, LineId
from daemon.programme.errors import BasketError
from daemon.programme.goods import PIECE_MILLI, parse_qty_milli
from daemon.programme.price import price
from daemon.programme.programme import Programme
from daemon.programme.quote import Quote, QuotedLine, Use


class LineBack(msgspec.Struct, frozen=True, kw_only=True):
    """What one line gives back. ``complete``: all of it has now come back.

    money:  refunded, in minor units.
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


class GivenBack(msgspec.Struct, frozen=True, kw_only=True):
    """The whole return. The sums are those of the lines, and of the sale when it is ``complete``.

    uses:        limits that get their use back.
    clawed_back: what a re-quote has kept from the refunds so far, in minor units.
    kept:        what the refund is short of for what was earned and is gone, in minor units.
    codes:       those that the sale handed out and that are taken back.
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


def give_back(
    quote: Quote, returned: Mapping[LineId, int], asked: Mapping[LineId, int]
) -> GivenBack:
    """Return what is given back for ``asked``, after ``returned`` came back before.

    returned, asked: by line, thousandths of the unit.
    Each share is half-up(share x so far / all) less what was given before, so that any sequence
    of returns gives every minor unit and point back exactly once.
    Raises: RefusedError ``not_returnable``, ``returned_already``; BasketError.
    """
    lines = {line.line: line for line in quote.lines}
    for number, qty_milli in asked.items():
        _check(lines.get(number), number, returned.get(number, 0), qty_milli)
    if not asked:
        raise BasketError("lines", "nothing is to come back; name at least one line")
    backs = tuple(
        _line_back(lines[number], returned.get(number, 0), qty_milli)
        for number, qty_milli in asked.items()
    )
    complete = all(
        returned.get(line.line, 0) + asked.get(line.line, 0) == line.qty_milli
        for line in quote.lines
    )
    meters = _sum(back.meters for back in backs)
    if complete:
        for meter, amount in quote.meters.items():
            of_the_sale = amount - sum(line.meters.get(meter, 0) for line in quote.lines)
            if of_the_sale:
                meters[meter] = meters.get(meter, 0) + of_the_sale
    return GivenBack(
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
) -> GivenBack:
    """Return what `give_back` does, less what the goods that stay would have cost more alone.

    programme, basket, facts: those of the sale. refunded_minor: money given back for it so far.
    The refund is never below 0; when everything is back, everything was refunded. Purses and
    meters come back as `give_back` says.
    Raises: as `give_back`.
    """
    kept = give_back(quote, returned, asked)
    gone = {line.line: returned.get(line.line, 0) + asked.get(line.line, 0) for line in quote.lines}
    stays = [rest for line in basket.lines if (rest := _without(line, gone[line.line])) is not None]
    dearer = 0
    if stays:
        alone = msgspec.structs.replace(basket, lines=tuple(stays), burn={})
        frozen = sum(
            line.net - half_up(line.net * gone[line.line], line.qty_milli) for line in quote.lines
        )
        dearer = max(0, price(programme, alone, facts).net - frozen)
    due = sum(half_up(line.paid * gone[line.line], line.qty_milli) for line in quote.lines)
    refund = max(0, due - dearer - refunded_minor)
    held = max(0, due - refunded_minor - refund)
    return msgspec.structs.replace(less(kept, kept.money - refund), clawed_back=held)


def less(back: GivenBack, minor: int) -> GivenBack:
    """Return ``back`` with its refund smaller by ``minor``, or nothing left of it."""
    refund = max(0, back.money - minor)
    shares = share_all(refund, [line.money for line in back.lines])
    lines = tuple(
        msgspec.structs.replace(line, money=money)
        for line, money in zip(back.lines, shares, strict=True)
    )
    return msgspec.structs.replace(back, lines=lines, money=refund)


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


def _check(line: QuotedLine | None, number: LineId, before: int, qty_milli: int) -> None:
    if line is None:
        raise RefusedError(ErrorCode.NOT_RETURNABLE, f"Line {number} is not in that sale.")
    if qty_milli <= 0:
        raise BasketError("lines.qty", f"line {number}: send a quantity above 0")
    if before + qty_milli > line.qty_milli:
        left = line.qty_milli - before
        detail = f"Of line {number}, {left / 1000:g} can come back; {qty_milli / 1000:g} was asked."
        raise RefusedError(ErrorCode.RETURNED_ALREADY, detail, extra={"left_milli": left})


def _line_back(line: QuotedLine, before: int, qty_milli: int) -> LineBack:
    after, whole = before + qty_milli, line.qty_milli

    def back(share: int) -> int:
        return half_up(share * after, whole) - half_up(share * before, whole)

    burned = {
        purse: minor for purse, minor in line.burned.items() if purse not in line.burned_units
    }
    return LineBack(
        line=line.line,
        qty_milli=qty_milli,
        money=back(line.paid),
        burned={purse: back(share) for purse, share in (burned | line.burned_units).items()},
        earned={purse: back(share) for purse, share in line.earned.items()},
        meters={meter: back(share) for meter, share in line.meters.items()},
        complete=after == whole,
    )


def _sum(tables: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for table in tables:
        for name, amount in table.items():
            total[name] = total.get(name, 0) + amount
    return total
