"""The basket's lines as integers, every limit checked: what the engine counts with."""

import re

import msgspec

from daemon.base.money import half_up
from daemon.base.text_limits import CODE_CHARS_MAX
from daemon.programme.basket import LINES_MAX, Basket, BasketLine
from daemon.programme.errors import BasketError

QTY_MILLI_MAX = 1_000_000_000
UNIT_PRICE_MINOR_MAX = 10_000_000_000
BASKET_TOTAL_MINOR_MAX = 1_000_000_000_000
"""Ten thousand million units of a currency. Sums over millions of sales stay whole numbers."""
CODES_MAX = 50
PIECE_MILLI = 1_000


class Goods(msgspec.Struct, frozen=True):
    """Parallel lists, one item per line, in the order of the basket.

    units:       pieces of the line; a weighed line counts as one.
    list_totals: shelf price of the line, minor units.
    floors:      the least the line may cost by its own ``min_price``, minor units.
    """

    lines: tuple[BasketLine, ...]
    qty_milli: list[int]
    units: list[int]
    list_totals: list[int]
    floors: list[int]
    list_total: int
    unit_count: int
    codes: tuple[str, ...]
    payment: str


NO_GOODS = Goods((), [], [], [], [], 0, 0, (), "")
"""What a card has in its basket before it buys."""


def read_goods(basket: Basket) -> Goods:
    """Return the basket as integers. Raises: BasketError, with the path of the wrong field."""
    lines = basket.lines
    if not lines:
        raise BasketError("lines", "the basket is empty; send at least one line")
    if len(lines) > LINES_MAX:
        raise BasketError("lines", f"{len(lines)} lines; at most {LINES_MAX}")
    if len({line.line for line in lines}) < len(lines):
        raise BasketError("lines", "two lines have the same number; number each line once")
    _check_codes(basket.codes)
    qty_milli = [line_qty_milli(line, i) for i, line in enumerate(lines)]
    units = [units_of(line) for line in lines]
    totals = [
        half_up(line.unit_price * q, PIECE_MILLI) for line, q in zip(lines, qty_milli, strict=True)
    ]
    if sum(totals) > BASKET_TOTAL_MINOR_MAX:
        problem = f"the basket comes to {sum(totals)} minor units; at most {BASKET_TOTAL_MINOR_MAX}"
        raise BasketError("lines", problem)
    floors = [
        0 if line.min_price is None else half_up(line.min_price * q, PIECE_MILLI)
        for line, q in zip(lines, qty_milli, strict=True)
    ]
    return Goods(
        lines,
        qty_milli,
        units,
        totals,
        floors,
        sum(totals),
        sum(units),
        basket.codes,
        basket.payment,
    )


def line_qty_milli(line: BasketLine, index: int) -> int:
    """Return a line's quantity in thousandths. Raises: BasketError for it, price or floor."""
    prices = {"unit_price": line.unit_price, "min_price": line.min_price, "cost": line.cost}
    for name, price in prices.items():
        minor = price or 0
        if not 0 <= minor <= UNIT_PRICE_MINOR_MAX:
            problem = f"{minor} is not between 0 and {UNIT_PRICE_MINOR_MAX} minor units"
            raise BasketError(f"lines[{index}].{name}", problem)
    qty_milli = parse_qty_milli(line.qty, f"lines[{index}].qty")
    if isinstance(line.qty, str) and not line.unit:
        problem = f"qty {line.qty!r} is weighed; send its unit, as kg"
        raise BasketError(f"lines[{index}].unit", problem)
    return qty_milli


def units_of(line: BasketLine) -> int:
    """Return the pieces of a line; what is weighed counts as one."""
    return line.qty if isinstance(line.qty, int) else 1


def pieces_of(line: BasketLine) -> int:
    """Return the pieces of a line that can be counted one by one; what is weighed has none."""
    return line.qty if isinstance(line.qty, int) else 0


def parse_qty_milli(qty: int | str, path: str) -> int:
    """Return pieces, or a decimal string, in thousandths. Raises: BasketError."""
    if isinstance(qty, int):
        milli = qty * PIECE_MILLI
    elif match := re.fullmatch(r"(-?)([0-9]{1,9})(?:\.([0-9]{1,3}))?", qty):
        sign, whole, places = match.groups()
        milli = int(whole) * PIECE_MILLI + int((places or "").ljust(3, "0"))
        milli = -milli if sign else milli
    else:
        problem = f"{qty!r} is no quantity; send pieces as a number or a decimal string as '1.250'"
        raise BasketError(path, problem)
    if not 0 < milli <= QTY_MILLI_MAX:
        problem = f"{qty} is not above 0 and at most {QTY_MILLI_MAX // PIECE_MILLI}"
        raise BasketError(path, f"{problem}; goods that come back are a sale.return")
    return milli


def _check_codes(codes: tuple[str, ...]) -> None:
    if len(codes) > CODES_MAX:
        raise BasketError("codes", f"{len(codes)} codes; at most {CODES_MAX}")
    for i, code in enumerate(codes):
        if not 0 < len(code) <= CODE_CHARS_MAX:
            problem = f"{len(code)} letters; a code has from 1 to {CODE_CHARS_MAX}"
            raise BasketError(f"codes[{i}]", problem)
