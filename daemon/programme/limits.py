"""``limit``: how often a rule may be used, and the names of the counters that say so."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Literal, TypeAlias

import msgspec

from daemon.programme.errors import ProgrammeError
from daemon.programme.names import CARD_ACCOUNT, code_fact, rule_code_counter, used_fact
from daemon.programme.quote import Use, WhyNot
from daemon.programme.situation import Situation
from daemon.programme.syntax import FileTable

Period: TypeAlias = Literal["day", "week", "month", "year", "life"]


class LimitTable(FileTable, frozen=True, kw_only=True):
    """``limit`` of a rule, in sales. ``per`` is the period of ``per_card``."""

    per_card: int | None = None
    per: Period = "life"
    per_code: int | None = None
    total: int | None = None
    returnable: bool = False


class Limit(msgspec.Struct, frozen=True):
    """The limits of one rule, in sales; None is unlimited. ``codes``: what per_code counts."""

    rule: str
    per_card: int | None
    per: Period
    per_code: int | None
    total: int | None
    returnable: bool
    codes: frozenset[str]

    def uses(self, situation: Situation) -> list[Use] | WhyNot:
        """Return what the rule takes from its counters, or why it cannot."""
        taken: list[Use] = []
        if self.per_card is not None:
            if not situation.account:
                return WhyNot(self.rule, CARD_ACCOUNT, "needs a card")
            counter = self.card_counter(situation.account, situation.day)
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
            yield self.card_counter(account, day), self.per_card
        if self.total is not None:
            yield self.total_counter(), self.total
        if self.per_code is not None:
            for code in codes:
                yield self.code_counter(code), self.per_code

    def card_counter(self, account: str, day: date) -> str:
        """``<rule>:card:<account>:<period>``."""
        return f"{self.rule}:card:{account}:{_period(self.per, day)}"

    def total_counter(self) -> str:
        """``<rule>:total:life``."""
        return f"{self.rule}:total:life"

    def code_counter(self, code: str) -> str:
        """``<rule>:code:<code>:life``, the code in one case."""
        return rule_code_counter(self.rule, code)

    def _codes(self, situation: Situation) -> Iterator[str]:
        """Yield the codes shown that the rule's condition names, themselves or as a campaign."""
        for code in situation.typed_codes:
            campaign = str(situation.values.get(code_fact(code), code))
            if not self.codes.isdisjoint((code.casefold(), campaign.casefold())):
                yield code

    def _used(self, situation: Situation, counter: str) -> int:
        return situation.integer(used_fact(counter)) or 0

    def _use(self, counter: str, limit: int) -> Use:
        return Use(counter, 1, limit, self.rule, self.returnable)

    def _card_text(self) -> str:
        times = "once" if self.per_card == 1 else f"{self.per_card} times"
        return f"{times} a card" if self.per == "life" else f"{times} a card and {self.per}"


def compile_limit(
    table: LimitTable | None, rule: str, codes: frozenset[str], path: str
) -> Limit | None:
    """Compile a rule's limit. Raises: ProgrammeError."""
    if table is None:
        return None
    for name in ("per_card", "total", "per_code"):
        if (getattr(table, name) or 0) < 0:
            raise ProgrammeError(f"{path}.{name}", "is below 0; write how many sales may use it")
    if table.per_code is not None and not codes:
        problem = "needs the condition codes in when; write which codes are counted"
        raise ProgrammeError(f"{path}.per_code", problem)
    if table.per_card is None and table.total is None and table.per_code is None:
        raise ProgrammeError(path, "limits nothing; write per_card, per_code or total")
    return Limit(
        rule, table.per_card, table.per, table.per_code, table.total, table.returnable, codes
    )


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
        case "life":
            return "life"
