"""``[cash_rounding]``: what is paid in coins is a multiple of the smallest of them.

    [cash_rounding]
    step = 10
    payment = ["cash"]

10.04 in cash is 10.00, and 10.05 is 10.10: to the nearest step, a half up. The difference stands
beside the total, as ``rounding``; lines, discounts, meters and purses know nothing of it.

What comes back of such a sale is rounded in the same way, all that has come back so far at once:
each refund can be paid in coins, and with the last one everything that was paid is back. Three
pieces for 10.00, one after the other, step 10:

    due so far       3.33   6.67   10.00
    rounded          3.30   6.70   10.00
    refund           3.30   3.40    3.30
"""

from typing import Annotated

import msgspec

from daemon.base.currency import Currency
from daemon.programme.amounts import parse_whole
from daemon.programme.basket import Fact
from daemon.programme.errors import ProgrammeError
from daemon.programme.syntax import FileTable, Whole

PaymentWords = Annotated[
    list[str],
    msgspec.Meta(description="words of the payment", examples=[["cash"], ["cash", "voucher"]]),
]


class CashRoundingTable(FileTable, frozen=True, kw_only=True):
    """``step``: the smallest coin. ``payment``: what is paid so is rounded."""

    step: Whole
    payment: PaymentWords


class CashRounding(msgspec.Struct, frozen=True):
    """``step``: in minor units. ``payment``: the words of a payment that is rounded."""

    step: int
    payment: frozenset[str]

    def rounds(self, payment: Fact) -> bool:
        """Say whether a payment is rounded: it is said, and all of it is in these words."""
        words = {payment} if isinstance(payment, str) else payment
        return isinstance(words, set | tuple) and bool(words) and self.payment.issuperset(words)

    def of(self, minor: int) -> int:
        """Return what an amount becomes more by rounding, or less where it is below 0."""
        return (2 * minor + self.step) // (2 * self.step) * self.step - minor


def compile_cash_rounding(
    table: CashRoundingTable | None, currency: Currency
) -> CashRounding | None:
    """Compile ``[cash_rounding]``. Raises: ProgrammeError."""
    if table is None:
        return None
    step = parse_whole(table.step, "cash_rounding.step", currency)
    if step < 2:
        problem = "rounds nothing; write the smallest coin in minor units, as 10, or leave it out"
        raise ProgrammeError("cash_rounding.step", f"{step} {problem}")
    if not table.payment or not all(table.payment):
        problem = 'write the words by which the till says its payment, as ["cash"]'
        raise ProgrammeError("cash_rounding.payment", problem)
    return CashRounding(step, frozenset(table.payment))
