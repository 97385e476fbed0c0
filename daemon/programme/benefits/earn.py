"""Adds to a purse for what was paid: bonus, points, cups; the card's own or whoever brought it.

    give = { earn = "bonus", percent = 5 }

219.80 paid in money bring 10.99. ``{ earn = "points", amount = 7, every = 1000 }`` brings 147
points (21 full tens), ``{ earn = "coffee", each = 10 }`` 20 cups for two subscriptions.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from daemon.base.money import BASIS_POINTS
from daemon.programme.amounts import parse_whole
from daemon.programme.benefits.amount import in_all
from daemon.programme.benefits.benefit import (
    Accrual,
    BaseName,
    Benefit,
    Counting,
    GivePlace,
    Setting,
    Warnings,
    listed,
    no_warnings,
)
from daemon.programme.benefits.each import per_unit
from daemon.programme.benefits.percent import of_money
from daemon.programme.days import span_days
from daemon.programme.errors import ProgrammeError
from daemon.programme.names import card_fact
from daemon.programme.numbers.number import Number, Unit
from daemon.programme.state import Purse
from daemon.programme.syntax import AmountNumber, PercentNumber, PurseId, Span, Whole

WHOSE = {
    "card": "",
    "referrer": card_fact("referrer"),
    "partner": card_fact("referrer.partner"),
    "employee": card_fact("referrer.employee"),
}
"""The fact that names the account, by ``to``."""


class Earn(Benefit, frozen=True, kw_only=True):
    """``earn``: the purse. ``of``: the money counted on; ``every``: what an amount is earned for.

    to: whose purse; ``hold``, ``expire``: in place of the purse's own.
    """

    name: ClassVar[str] = "earn"
    sizes: ClassVar[tuple[str, ...]] = ("percent", "amount", "each")
    family: ClassVar[str] = "earn"

    earn: PurseId
    percent: PercentNumber = None
    amount: AmountNumber = None
    each: AmountNumber = None
    of: BaseName | None = None
    every: Whole | None = None
    to: Literal["card", "referrer", "partner", "employee"] | None = None
    hold: Span | None = None
    expire: Span | None = None

    def compiled(self, place: GivePlace) -> Accrual:
        """Return the accrual. Raises: ProgrammeError."""
        purse = place.purse("earn", self.earn)
        how = self.how(place.path)
        if not how:
            raise ProgrammeError(place.path, f"says no size; write {listed(self.sizes)}")
        unit: Unit = "minor" if purse.counts_money else "count"
        size = place.size(getattr(self, how), how, "percent" if how == "percent" else unit)
        most = place.most(self.max, unit)
        count = self._count(how, purse, place)
        hold_days, expire_days = self._life(purse, place.path)
        return Accrual(
            size=size,
            most=most,
            words="{} each" if how == "each" else "",
            per_unit=how == "each",
            once=how == "amount" and self.every is None,
            warnings=self._warnings(how, purse),
            purse=purse.id,
            count=count,
            base=self.of or "paid",
            whose=WHOSE[self.to or "card"],
            counts_goods=how == "each" and not purse.worth,
            hold_days=hold_days,
            expire_days=expire_days,
        )

    def _count(self, how: str, purse: Purse, place: GivePlace) -> Counting:
        path, every = place.path, 0
        if self.every is not None:
            every = parse_whole(self.every, f"{path}.every", place.vocabulary.currency)
            if how != "amount" or every < 1:
                raise ProgrammeError(f"{path}.every", "goes with amount, in minor units from 1")
        if how == "percent":
            if not purse.worth:
                problem = f"the purse {purse.id} has no worth; write amount with every, or each"
                raise ProgrammeError(f"{path}.percent", problem)
            return of_money(purse.worth)
        return per_unit if how == "each" else in_all(every)

    def _life(self, purse: Purse, path: str) -> tuple[int, int]:
        """Return after how many days it can be used, and after how many it is gone; 0 is never."""
        hold_days, expire_days = purse.hold_days, purse.expire_days
        if self.hold is not None:
            hold_days = span_days(self.hold, f"{path}.hold")
        if self.expire is not None:
            expire_days = span_days(self.expire, f"{path}.expire")
        if expire_days and expire_days <= hold_days:
            problem = f"{expire_days}d end within the hold of {hold_days}d"
            raise ProgrammeError(f"{path}.expire", problem)
        if purse.where == "chip" and (hold_days or expire_days):
            raise ProgrammeError(f"{path}.earn", "a purse on the chip has no hold and no expiry")
        return hold_days, expire_days

    def _warnings(self, how: str, purse: Purse) -> Warnings:
        """Doubt a card loaded with what its goods cost, where a return may not find it there."""
        bottomless = purse.may_go_negative == "on_return" and not purse.credit_limit
        if WHOSE[self.to or "card"] or not bottomless or purse.where != "ledger":
            return no_warnings
        counted = how == "each" and not purse.worth

        def warnings(size: Number, setting: Setting) -> Iterator[tuple[str, str]]:
            if counted or (how == "percent" and size.highest >= BASIS_POINTS):
                problem = "sells what a return gives the money back for though it is spent"
                remedy = f'write may_go_negative = "never" in the purse {purse.id}'
                yield "earn", f"{problem}; {remedy}"

        return warnings
