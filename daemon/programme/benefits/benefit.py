"""What every benefit is read from, and the four things it can be compiled to.

A kind of benefit is a table of the file, a subclass of `Benefit` in a file of its own: its fields
are its keys. ``compiled`` checks them once, when the programme is loaded, and returns what the
engine runs, one of these by the stage of the quote in which it acts:

    Discount    takes money off goods, in a lane        percent, amount, each, price, free
    Redemption  lets a purse pay what the lanes left    burn
    Accrual     adds to a purse for what was paid       earn
    Handout     hands out codes                         issue

Kinds are many, stages are the engine's: a kind that fits none of them needs a new stage, and that
is work in `price` and in the ledger.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import msgspec

from daemon.base.currency import Currency
from daemon.base.money import half_up
from daemon.programme.errors import ProgrammeError
from daemon.programme.goods import PIECE_MILLI
from daemon.programme.numbers.number import Number, Unit
from daemon.programme.numbers.registry import parse_number
from daemon.programme.scope import Scope
from daemon.programme.situation import Picked
from daemon.programme.state import Purse
from daemon.programme.syntax import AmountNumber, FileTable
from daemon.programme.vocabulary import Place, undeclared

BaseName: TypeAlias = Literal["paid", "net", "list"]


class Setting(msgspec.Struct, frozen=True):
    """What decides beside the benefit whether it is probably a mistake.

    free:      no condition, no limit and no pick restricts the rule.
    markup_bp: the shop's usual markup on cost, in basis points; None when it does not say.
    """

    free: bool
    markup_bp: int | None


Warnings: TypeAlias = Callable[[Number, Setting], Iterator[tuple[str, str]]]
"""From a benefit's size and its setting: keys of ``give``, each with what is odd about it."""
Gifts: TypeAlias = "tuple[list[int], int | None]"


class Offering(Protocol):
    """How a discount takes something off."""

    def __call__(
        self, value: int, rooms: Sequence[int], picked: Picked, qty_milli: Sequence[int], /
    ) -> Gifts:
        """Return what it takes off each picked line.

        value:     of its number. rooms: the most that a line may lose, in minor units.
        qty_milli: of every line of the basket, by the index that stands in ``picked``.
        Returns:   gifts in 1/10000 minor units, so that nothing is rounded before rules compete,
                   and None; or, for one sum over all lines, the weights by which it is shared and
                   the sum in minor units.
        """


class Counting(Protocol):
    """How much is earned or handed out."""

    def __call__(
        self, value: int, money: Sequence[int], picked: Picked, /
    ) -> tuple[int, Sequence[int]]:
        """Return the total, and the weights by which the lines share it.

        value: of its number. money: per picked line what is counted on, in minor units.
        """


def no_warnings(size: Number, setting: Setting) -> Iterator[tuple[str, str]]:
    """Find nothing odd."""
    yield from ()


class Give(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled benefit: ``size`` is its number, ``most`` the most it gives in a sale.

    words:         what the size means on the receipt, as ``{} each``; "" where it says all.
    per_unit:      it is counted by unit, and so goes back unit by unit.
    once:          it is a sum for the whole sale; it goes where what is left would not bring it.
    gives_at_zero: a size of 0 gives something, as a price of 0.00 does.
    """

    size: Number
    most: Number | None = None
    words: str = ""
    per_unit: bool = False
    once: bool = False
    gives_at_zero: bool = False
    warnings: Warnings = no_warnings

    def text(self, value: int, currency: Currency) -> str:
        """Return what a value of it means to the customer."""
        text = self.size.text(value, currency)
        return self.words.format(text) if self.words else text


class Discount(Give, frozen=True, kw_only=True):
    """Takes money off the goods in scope, in its rule's lane.

    scope: which units, where the benefit says so itself.
    """

    offer: Offering
    scope: Scope | None = None


class Redemption(Give, frozen=True, kw_only=True):
    """Lets ``purse`` pay up to ``size``, a percentage, of the goods in scope.

    cost: of a purse that counts goods, its units for one piece; only_pieces: what is weighed is
          none.
    """

    purse: str
    cost: int = 1
    only_pieces: bool = False


class Accrual(Give, frozen=True, kw_only=True):
    """Adds to ``purse`` what ``count`` makes of the money named by ``base``.

    whose: the fact that names the account it goes to; "" is the card's own.
    counts_goods: each piece earns units that pay for pieces.
    """

    purse: str
    count: Counting
    base: BaseName = "paid"
    whose: str = ""
    counts_goods: bool = False
    hold_days: int = 0
    expire_days: int = 0


class Handout(Give, frozen=True, kw_only=True):
    """Hands out as many codes of ``campaign`` as ``count`` makes of what is paid."""

    campaign: str
    count: Counting
    expire_days: int = 0


AnyGive: TypeAlias = Discount | Redemption | Accrual | Handout


class GivePlace(Place, frozen=True):
    """Where a benefit is compiled. ``rule`` is the id of its rule."""

    rule: str

    def size(self, raw: Any, key: str, unit: Unit) -> Number:
        """Return the number of a key, which a cashier may ask for. Raises: ProgrammeError."""
        path = f"{self.path}.{key}"
        return parse_number(raw, path, unit, self.vocabulary, rule=self.rule)

    def most(self, raw: Any, unit: Unit) -> Number | None:
        """Return the number of ``max``. Raises: ProgrammeError."""
        if raw is None:
            return None
        return parse_number(raw, f"{self.path}.max", unit, self.vocabulary)

    def purse(self, key: str, name: str) -> Purse:
        """Return the purse that a key names. Raises: ProgrammeError."""
        purses = self.vocabulary.purses
        if name not in purses:
            raise undeclared("purse", name, purses, f"{self.path}.{key}")
        return purses[name]


class Benefit(FileTable, frozen=True, kw_only=True):
    """A kind of benefit. ``max``: the most it gives in a sale, in minor units or pieces.

    name:   the key by which it is known.
    sizes:  the keys of which one says how much. A name that is no size, as ``earn``, goes first:
            ``{earn, percent}`` is an earn, ``{percent}`` a percentage.
    family: the word for it in an error, with the keys of all kinds that share it.
    """

    name: ClassVar[str]
    sizes: ClassVar[tuple[str, ...]]
    family: ClassVar[str]

    max: AmountNumber = None

    def compiled(self, place: GivePlace) -> AnyGive:
        """Return what the engine runs. Raises: ProgrammeError."""
        raise NotImplementedError

    def how(self, path: str) -> str:
        """Return which of its sizes is written, or "". Raises: ProgrammeError for two."""
        written = [size for size in self.sizes if getattr(self, size) is not None]
        if len(written) > 1:
            problem = f"does not go with {written[0]}; make two rules"
            raise ProgrammeError(f"{path}.{written[1]}", problem)
        return written[0] if written else ""


def listed(words: Sequence[str], link: str = "or") -> str:
    """Return words as a list in a sentence: ``percent, amount or each``."""
    return f" {link} ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def by_quantity(value: int, picked: Picked, qty_milli: Sequence[int]) -> list[int]:
    """Return ``value`` minor units for each unit picked; what is weighed counts by its weight.

    1.00 each on 1.255 kg of cheese is 1.26; on one picked piece of a line of three it is 1.00.
    """
    return [half_up(value * qty_milli[i] * k, PIECE_MILLI * n) for i, k, n in picked]
