"""A compiled rule: its conditions, its scope, and what it gives."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias, TypeVar

import msgspec

from daemon.base.currency import Currency
from daemon.programme.benefits.benefit import Accrual, AnyGive, Discount, Give
from daemon.programme.benefits.percent import percent_off
from daemon.programme.benefits.registry import compile_give
from daemon.programme.conditions.condition import Bound, Condition, Test
from daemon.programme.conditions.registry import compile_when
from daemon.programme.days import Days
from daemon.programme.errors import ProgrammeError
from daemon.programme.file import RuleTable
from daemon.programme.limits import Limit, compile_limit
from daemon.programme.names import CARD, CARD_ACCOUNT, METER, STATUS, stamps_meter
from daemon.programme.quote import WhyNot
from daemon.programme.scope import Scope, compile_scope
from daemon.programme.state import Meter
from daemon.programme.vocabulary import ORDINALS, Vocabulary

OF_A_CARD = (CARD, METER, STATUS)
"""How facts begin that a card has by itself, whatever is sold, when and where."""


class Rule(msgspec.Struct, frozen=True):
    """One rule, ready to run. ``order`` is its place in the file, ``lane`` that of its lane.

    day_tests:  conditions on the day alone; tests: the others. Each with what it says on failing.
    asks_scope: a condition or a number counts what the rule itself has in scope.
    facts:      every fact that its conditions and numbers read, and the one that says whose it is.
    empty, nothing: what it says when it has no goods, and when its number comes to nothing.
    stamps:     the meter that counts for it, where one piece in so many is free.
    """

    order: int
    id: str
    lane: int
    names_lane: bool
    text: str
    conditions: tuple[Condition, ...]
    day_tests: tuple[tuple[Days, WhyNot], ...]
    tests: tuple[tuple[Test, WhyNot, Bound | None], ...]
    scope: Scope
    give: AnyGive
    limit: Limit | None
    exclusive: bool
    silences_earning: bool
    priority: int
    asks_scope: bool
    facts: frozenset[str]
    empty: WhyNot
    nothing: WhyNot
    stamps: Meter | None

    @property
    def provisional(self) -> bool:
        """Whether the sale's ordinal decides it."""
        return not self.facts.isdisjoint(ORDINALS)

    @property
    def stands(self) -> bool:
        """Whether it takes a percentage off for what the card is and has, and asks nothing else."""
        give = self.give
        if not (isinstance(give, Discount) and give.offer is percent_off) or self.limit is not None:
            return False
        if self.scope.picks_units:
            return False  # the third piece free is nothing that the card has
        plain = all(condition.key in condition.facts for condition in self.conditions)
        return plain and all(fact.startswith(OF_A_CARD) for fact in self.facts)

    def names_code(self, words: Iterable[str]) -> bool:
        """Whether a condition names one of these codes or campaigns, in its normal form."""
        return any(not condition.codes.isdisjoint(words) for condition in self.conditions)


G = TypeVar("G", bound=Give)
Candidate: TypeAlias = tuple[Rule, G, list[int]]
"""A rule that has goods in the basket, what it gives, and the indices of those lines."""
Candidates: TypeAlias = Sequence[Candidate[G]]
"""In file order."""


def compile_rule(
    table: RuleTable, order: int, lanes: dict[str, int], vocabulary: Vocabulary
) -> Rule:
    """Compile one ``[[rule]]``. Raises: ProgrammeError."""
    path = f"rule[{order}]"
    give = compile_give(table.give, table.id, f"{path}.give", vocabulary)
    scope = _scope(table, path, give, vocabulary.currency)
    conditions = compile_when(table.when, f"{path}.when", vocabulary)
    lane = _lane(table, path, give, lanes)
    facts = frozenset(fact for condition in conditions for fact in condition.facts)
    facts |= {number.needs for number in (give.size, give.most) if number and number.needs}
    facts |= {give.whose} if isinstance(give, Accrual) and give.whose else set()
    facts |= {scope.stamps} if scope.stamps else set()
    # Conditions on the day alone are asked once a day, when the day's rulebook is made; only the
    # others are asked in every quote. Each brings its reason, made here once.
    reasons = [(c, WhyNot(table.id, c.key, c.text)) for c in conditions]
    return Rule(
        order=order,
        id=table.id,
        lane=lane,
        names_lane=table.lane is not None,
        text=table.text,
        conditions=conditions,
        day_tests=tuple((c.days, why) for c, why in reasons if c.days),
        tests=(
            *_tests(table.id, scope),
            *((c.holds, why, c.bound) for c, why in reasons if not c.days),
        ),
        scope=scope,
        give=give,
        limit=compile_limit(table.limit, table.id, conditions, f"{path}.limit"),
        exclusive=table.exclusive is not False,
        silences_earning=table.exclusive == "all",
        priority=table.priority,
        asks_scope=not facts.isdisjoint(("scope.total", "scope.qty")),
        facts=facts,
        empty=WhyNot(table.id, "scope", f"not enough of its goods {_where(scope)}"),
        nothing=WhyNot(table.id, give.size.needs or "give", "gives nothing here"),
        stamps=_stamps(table.id, scope),
    )


def _scope(table: RuleTable, path: str, give: AnyGive, currency: Currency) -> Scope:
    """Return which units the rule is about: its scope, or what its benefit says."""
    if not (isinstance(give, Discount) and give.scope):
        return compile_scope(table.scope, f"{path}.scope", currency)
    if table.scope is not None:
        raise ProgrammeError(f"{path}.scope", "does not go with free; write its goods as of there")
    return give.scope


def _where(scope: Scope) -> str:
    return "yet for a free one" if scope.stamps else "in the basket"


def _tests(rule: str, scope: Scope) -> tuple[tuple[Test, WhyNot, Bound | None], ...]:
    """Return what is asked before the rule's own conditions: whether there is a card to count."""
    why = WhyNot(rule, CARD_ACCOUNT, "needs a card")
    return ((lambda situation: bool(situation.account), why, None),) if scope.stamps else ()


def _stamps(rule: str, scope: Scope) -> Meter | None:
    if not scope.stamps:
        return None
    meter, goods, every = stamps_meter(rule), scope.goods, scope.group
    return Meter(id=meter, of="stamps", window="life", goods=goods, rule=rule, every=every)


def _lane(table: RuleTable, path: str, give: AnyGive, lanes: dict[str, int]) -> int:
    """Return the place of the rule's lane; the first where it names none."""
    if not isinstance(give, Discount):
        for key, written in (("lane", table.lane is not None), ("exclusive", table.exclusive)):
            if written:
                raise ProgrammeError(f"{path}.{key}", "is for discounts only; leave it out")
    if table.lane is None:
        return 0
    if table.lane not in lanes:
        ids = ", ".join(lanes)
        raise ProgrammeError(f"{path}.lane", f"there is no lane {table.lane!r}; there is: {ids}")
    return lanes[table.lane]
