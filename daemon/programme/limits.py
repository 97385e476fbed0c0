"""``limit``: how often a rule may be used, and the names of the counters that say so."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Literal, TypeAlias

import msgspec

from card_formats.code_text import normal_code
from daemon.programme.basket import Fact
from daemon.programme.conditions.condition import Condition
from daemon.programme.errors import ProgrammeError
from daemon.programme.names import CARD_ACCOUNT, code_fact, rule_code_counter, used_fact
from daemon.programme.occasions import Occasion
from daemon.programme.quote import Use, WhyNot
from daemon.programme.situation import Situation
from daemon.programme.syntax import FileTable

Period: TypeAlias = Literal["day", "week", "month", "year", "life", "occasion"]


class LimitTable(FileTable, frozen=True, kw_only=True):
    """``limit`` of a rule, in sales. ``per`` is the period of ``per_card``."""

    per_card: int | None = None
    per: Period = "life"
    per_code: int | None = None
    total: int | None = None
    returnable: bool = False


class Limit(msgspec.Struct, frozen=True):
    """The limits of one rule, in sales; None is unlimited.

    codes:    what per_code counts.
    occasion: the days around an anniversary of which each is a period of per_card.
    """

    rule: str
    per_card: int | None
    per: Period
    per_code: int | None
    total: int | None
    returnable: bool
    codes: frozenset[str]
    occasion: Occasion | None = None

    def uses(self, situation: Situation) -> list[Use] | WhyNot:
        """Return what the rule takes from its counters, or why it cannot."""
        taken: list[Use] = []
        if self.per_card is not None:
            if not situation.account:
                return WhyNot(self.rule, CARD_ACCOUNT, "needs a card")
            counter = self.card_counter(situation.account, situation.day, situation.values)
            if self._used(situation, counter) >= self.per_card:
                return WhyNot(self.rule, "limit.per_card", f"already used, {self._card_text()}")
            taken.append(self._use(counter, self.per_card))
        if self.total is not None:
            counter = self.total_counter()
            if self._used(situation, counter) >= self.total:
                return WhyNot(self.rule, "limit.total", f"all {self.total} uses are taken")
            taken.append(self._use(counter, self.total))
        if self.per_code is not None and (codes := list(self._codes(situation))):
            fresh = [
                counter
                for counter in map(self.code_counter, codes)
                if self._used(situation, counter) < self.per_code
            ]
            if not fresh:
                return WhyNot(self.rule, "limit.per_code", f"code already used: {codes[0]}")
            taken.append(self._use(fresh[0], self.per_code))
        return taken

    def counters(
        self, account: str | None, day: date, codes: Iterable[str]
    ) -> Iterator[tuple[str, int]]:
        """Yield the counters whose values the rule needs, each with its limit."""
        if self.per_card is not None and account:
            for period in self._periods(day):
                yield self._card_counter(account, period), self.per_card
        if self.total is not None:
            yield self.total_counter(), self.total
        if self.per_code is not None:
            for code in codes:
                yield self.code_counter(code), self.per_code

    def card_counter(self, account: str, day: date, values: Mapping[str, Fact]) -> str:
        """``<rule>:card:<account>:<period>``. values: what is known of the card's holder."""
        period = _period(self.per, day)
        if self.occasion is not None:
            year = self.occasion.year_of(str(values.get(self.occasion.fact, "")), day)
            period = _occasion(day.year if year is None else year)
        return self._card_counter(account, period)

    def _card_counter(self, account: str, period: str) -> str:
        return f"{self.rule}:card:{account}:{period}"

    def _periods(self, day: date) -> list[str]:
        """Return the periods that a day may lie in, as long as nobody knows whose day it is."""
        if self.occasion is None:
            return [_period(self.per, day)]
        return [_occasion(year) for year in self.occasion.years(day)]

    def total_counter(self) -> str:
        """``<rule>:total:life``."""
        return f"{self.rule}:total:life"

    def code_counter(self, code: str) -> str:
        """``<rule>:code:<code>:life``, the code in one spelling."""
        return rule_code_counter(self.rule, code)

    def _codes(self, situation: Situation) -> Iterator[str]:
        """Yield the codes shown that the rule's condition names, themselves or as a campaign."""
        for code in situation.typed_codes:
            campaign = str(situation.values.get(code_fact(code), code))
            if not self.codes.isdisjoint((normal_code(code), normal_code(campaign))):
                yield code

    def _used(self, situation: Situation, counter: str) -> int:
        return situation.integer(used_fact(counter)) or 0

    def _use(self, counter: str, limit: int) -> Use:
        return Use(counter, 1, limit, self.rule, self.returnable)

    def _card_text(self) -> str:
        times = "once" if self.per_card == 1 else f"{self.per_card} times"
        return f"{times} a card" if self.per == "life" else f"{times} a card and {self.per}"


def compile_limit(
    table: LimitTable | None, rule: str, conditions: Sequence[Condition], path: str
) -> Limit | None:
    """Compile a rule's limit. Raises: ProgrammeError."""
    if table is None:
        return None
    codes = frozenset(code for condition in conditions for code in condition.codes)
    for name in ("per_card", "total", "per_code"):
        if (getattr(table, name) or 0) < 0:
            raise ProgrammeError(f"{path}.{name}", "is below 0; write how many sales may use it")
    if table.per_code is not None and not codes:
        problem = "needs the condition codes in when; write which codes are counted"
        raise ProgrammeError(f"{path}.per_code", problem)
    if table.per_card is None and table.total is None and table.per_code is None:
        raise ProgrammeError(path, "limits nothing; write per_card, per_code or total")
    return Limit(
        rule,
        table.per_card,
        table.per,
        table.per_code,
        table.total,
        table.returnable,
        codes,
        _occasion_of(table, conditions, path),
    )


def _occasion_of(table: LimitTable, conditions: Sequence[Condition], path: str) -> Occasion | None:
    """Return the occasion that is the period of a limit. Raises: ProgrammeError."""
    if table.per != "occasion":
        return None
    occasion = next((c.occasion for c in conditions if c.occasion), None)
    if occasion is None:
        problem = "needs the condition near in when itself; write which days are the occasion"
        raise ProgrammeError(f"{path}.per", problem)
    return occasion


def _occasion(year: int) -> str:
    return f"{year}-occasion"


def _period(per: Period, day: date) -> str:
    match per:
        case "day":
            return day.isoformat()
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02d}"
        case "month":
            return f"{day:%Y-%m}"
        case "year":
            return f"{day:%Y}"
        case "life" | "occasion":
            return per
