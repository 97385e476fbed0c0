"""``cost`` of the programme: what it takes of the net of those who have a card.

    discounts    what rules gave that ask for a card, its meters or its statuses      4,120.00
    earned       points of the cards' own purses, less what returns took back          900.00
    expired      points that nobody used in time                                       -310.00
    rewards      of partners and their employees                                        450.00
    reversed     what returns took of these                                             -20.00
    cards        what the cards have cost that were issued                              333.00
    mailings     what messages have cost that went out; they are kept for a year         85.00
    total                                                                             5,558.00
    members      the net of all sales with a card, of which shares are reckoned      98,340.00

Points are worth what their purse says, also before they are used: what expires is taken off then.
"""

from collections.abc import Iterator
from functools import lru_cache

from daemon.base.money import BASIS_POINTS
from daemon.ledger.lots import LAPSED, lapsed_lot
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Store
from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import load
from daemon.programme.rule import OF_A_CARD
from daemon.reports.by_partner import rewards
from daemon.reports.customer_figures import ratio
from daemon.reports.period import AMOUNTS, of_accounts
from daemon.reports.report import Asked, Column, Kind, Report, Row, any_of, big

TEXTS_KEPT = 32
CHANNELS = ("sms", "viber", "email", "post")
PAID_FOR = ("trying", "accepted", "unknown", "delivered", "bounced", "exported")
"""States of a message that has cost something, or may have."""
_TEXTS = Question("SELECT text FROM programme ORDER BY version", str)
_LAPSED: Question[tuple[str, int]] = Question(
    f"SELECT counter, amount FROM counter WHERE counter LIKE '{LAPSED}%'",
    lambda counter, amount: (counter, amount),
)


@lru_cache(TEXTS_KEPT)
def card_rules(text: str) -> frozenset[str]:
    """Return the rules of a programme that ask for a card, its meters or its statuses."""
    try:
        rules = load(text).rules
    except ProgrammeError:
        return frozenset()  # a newer tillcard wrote it, and knows its rules
    return frozenset(
        rule.id for rule in rules if any(fact.startswith(OF_A_CARD) for fact in rule.facts)
    )


def _discounts(store: Store, asked: Asked) -> int:
    rules = sorted(frozenset().union(*(card_rules(text) for text in store.ask(_TEXTS))))
    if not rules:
        return 0
    among = any_of(rules)
    text = (
        f"SELECT {big('coalesce(sum(discount), 0)')} FROM day_sum"
        f" WHERE day BETWEEN ? AND ? AND rule {among.text}"
    )
    return store.ask(Question(text, int), *asked.period.days, *among.values)[0]


def _of_cards(store: Store, asked: Asked) -> dict[str, int]:
    """Return the sums of all sales with a card, by name."""
    text, values = of_accounts(asked.period)
    [sums] = store.ask(Question(text, _row), *values)
    return dict(zip(AMOUNTS, sums, strict=True))


def _row(*row: int) -> tuple[int, ...]:
    return row


def _expired(store: Store, asked: Asked) -> int:
    """Return what has lapsed in the period, in minor units: a lot does on the day after its last.

    What a return has taken back of a lot that had lapsed is no more among it.
    """
    first, last = asked.period.days
    worth = {purse.id: purse.worth for purse in asked.programme.purses.values()}
    total = 0
    for counter, amount in store.ask(_LAPSED):
        purse, expires = lapsed_lot(counter)
        if first <= expires + 1 <= min(last, asked.today.toordinal()):
            total += amount * worth.get(purse, 0)
    return total


def _rewards(store: Store, asked: Asked) -> tuple[int, int]:
    """Return what sales brought to partners and employees, and what returns took back of it."""
    rows = rewards(asked)
    sums = ", ".join(big(f"coalesce(sum({name}), 0)") for name in ("rewards", "reversed"))
    question = Question(f"SELECT {sums} FROM ({rows.text}) AS rewarded", _row)
    [(given, taken)] = store.ask(question, *rows.values)
    return given, taken


def _cards(store: Store, asked: Asked) -> int:
    question = Question(
        f"SELECT {big('coalesce(sum(cost), 0)')} FROM card_issue WHERE day BETWEEN ? AND ?", int
    )
    return store.ask(question, *asked.period.days)[0]


def _mailings(store: Store, asked: Asked) -> int:
    """Return what the messages of the period have cost, each by its mailing's price and parts."""
    begins, ends = asked.moments
    channels, states = any_of(CHANNELS), any_of(PAID_FOR)
    text = (
        f"SELECT {big('coalesce(sum(m.cost * s.parts), 0)')} FROM message AS s"
        f" JOIN mailing AS m ON m.mailing = s.mailing WHERE s.channel {channels.text}"
        f" AND s.at >= ? AND s.at < ? AND s.state {states.text}"
    )
    values = (*channels.values, begins, ends, *states.values)
    return store.ask(Question(text, int), *values)[0]


def _made(store: Store, asked: Asked) -> Iterator[Row]:
    of_cards = _of_cards(store, asked)
    given, taken = _rewards(store, asked)
    costs = {
        "discounts": _discounts(store, asked),
        "earned": of_cards["earned"],
        "expired": -_expired(store, asked),
        "rewards": given,
        "reversed": -taken,
        "cards": _cards(store, asked),
        "mailings": _mailings(store, asked),
    }
    net = of_cards["net"]
    for what, amount in (*costs.items(), ("total", sum(costs.values())), ("members", net)):
        yield what, amount, ratio(BASIS_POINTS * amount, net)


COST = Report(
    name="cost",
    title="What the programme takes of its members' net",
    columns=(
        Column("what", Kind.TEXT),
        Column("amount", Kind.MONEY),
        Column("share_bp", Kind.BP),
    ),
    sort="",
    takes=frozenset(),
    made=_made,
)
