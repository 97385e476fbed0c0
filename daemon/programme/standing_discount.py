"""The discount that a card has without doing anything: what lists of customers are sorted by. Pure.

It is the highest ``percent`` of the rules that ask for nothing but the card, its statuses and its
meters: 5 % from 700.00 on, 7 % for members. What asks for goods in the basket, an hour, a code or
the cashier, and what has a limit, is no standing discount. Which goods a rule is about is not
looked at: 7 % for members off everything but cigarettes is 7 %. `Rule.stands` says which they are.
"""

from collections.abc import Mapping
from datetime import datetime

from daemon.programme.basket import Fact, Facts
from daemon.programme.goods import NO_GOODS
from daemon.programme.programme import Programme
from daemon.programme.situation import Situation


def standing_bp(programme: Programme, now: datetime, facts: Mapping[str, Fact]) -> int:
    """Return the discount of a card in basis points, 0 where it has none.

    now: aware. facts: as a price is made from.
    """
    if not programme.standing_rules:
        return 0
    situation = Situation(NO_GOODS, Facts(now, facts), programme.days)
    given = (
        rule.give.size.at(situation) or 0
        for rule in programme.standing_rules
        if all(holds(situation) for holds, _, _ in rule.tests)
    )
    return max(given, default=0)
