"""Codes as the programme sees them: which rules name one, what a quote uses up, what it issues.

Pure; what is known of the codes on a sale comes as facts: ``code.<CODE>`` is the campaign that an
issued code belongs to, ``uses.<CODE>`` how many sales may use it. A code without ``uses`` is a
word of the programme, or unknown, and is not used up.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from card_formats.code_text import normal_code
from daemon.programme.basket import Fact
from daemon.programme.benefits.benefit import Handout
from daemon.programme.names import code_counter, code_fact, uses_fact
from daemon.programme.programme import Programme
from daemon.programme.quote import Applied, Quote, Use
from daemon.programme.rule import Rule


class NewCodes(msgspec.Struct, frozen=True):
    """Codes to be made: ``count`` of a campaign, each for ``uses`` sales.

    last_day: the last local day on which they are good; None is for ever.
    """

    campaign: str
    count: int
    uses: int
    last_day: date | None


def with_uses(
    rules: Iterable[Rule],
    uses: Sequence[Use],
    codes: Iterable[str],
    values: Mapping[str, Fact],
    applied: Iterable[Sequence[Applied]],
) -> list[Use]:
    """Return the uses of a quote with those of the issued codes that its rules are due to.

    rules: those that gave something. uses: what they take from their own limits.
    applied: what rules took off each line. codes: those shown. Of several that a rule names it
    takes one: that which its own limit counts, or else the first.
    """
    shown = [code for code in codes if uses_fact(code) in values]
    if not shown:
        return list(uses)
    counters = {use.counter for use in uses}
    # What a code took off is kept with its use: it is owed where the code was a gift that goes.
    taken: dict[str, int] = {}
    for off in (off for of_line in applied for off in of_line):
        taken[off.rule] = taken.get(off.rule, 0) + off.minor
    by_counter: dict[str, Use] = {}
    for rule in sorted(rules, key=lambda rule: rule.order):
        named = [code for code in shown if rule.names_code(_words(code, values))]
        limit = rule.limit
        if limit is not None and limit.per_code is not None:
            named = [code for code in named if limit.code_counter(code) in counters]
        for code in named[:1]:
            returnable = limit is not None and limit.returnable
            use = Use(code_counter(code), 1, _uses(code, values), rule.id, returnable)
            use = by_counter.get(use.counter, use)
            minor = use.minor + taken.get(rule.id, 0)
            by_counter[use.counter] = msgspec.structs.replace(use, minor=minor)
    return [*uses, *by_counter.values()]


def _words(code: str, values: Mapping[str, Fact]) -> tuple[str, str]:
    """Return what a condition may call a code: itself, or its campaign."""
    return normal_code(code), normal_code(str(values.get(code_fact(code), code)))


def _uses(code: str, values: Mapping[str, Fact]) -> int:
    uses = values[uses_fact(code)]
    return uses if isinstance(uses, int) else 0


def is_named(programme: Programme, word: str) -> bool:
    """Whether a rule has a code or a campaign among its conditions."""
    words = (normal_code(word),)
    return any(rule.names_code(words) for rule in programme.rules)


def invites(programme: Programme, campaign: str) -> bool:
    """Whether customers bring others by codes of a campaign."""
    word = normal_code(campaign)
    return bool(word) and any(kind.invite == word for kind in programme.cards.values())


def is_issued(programme: Programme, campaign: str) -> bool:
    """Whether a rule issues codes of a campaign, or customers have some of it."""
    word = normal_code(campaign)
    return invites(programme, word) or any(
        isinstance(rule.give, Handout) and normal_code(rule.give.campaign) == word
        for rule in programme.rules
    )


def most_uses(programme: Programme, campaign: str) -> int | None:
    """Return how many sales a campaign's rules let a code be used in, or None where none says."""
    words = (normal_code(campaign),)
    limits = [
        rule.limit.per_code for rule in programme.rules if rule.limit and rule.names_code(words)
    ]
    return max([limit for limit in limits if limit], default=None)


def uses_of(programme: Programme, campaign: str) -> int:
    """Return how many sales may use a code of a campaign: as its rules say, or one."""
    return most_uses(programme, campaign) or 1


def issue(programme: Programme, quote: Quote) -> tuple[NewCodes, ...]:
    """Return the codes that a sale hands out."""
    return tuple(
        NewCodes(
            normal_code(issued.campaign),
            issued.count,
            uses_of(programme, issued.campaign),
            date.fromisoformat(issued.expires) if issued.expires else None,
        )
        for issued in quote.issue
    )
