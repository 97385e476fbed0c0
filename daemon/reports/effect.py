"""``effect`` of a status: what its members buy beside others, and what joining has changed.

    who              customers  purchases  average  …
    members                 40        120   410.00
    other cards            310        700   290.00
    without a card                    950   180.00

    who              customers   before      after   expected    effect   note
    joined: net             31   9,000.00   9,900.00   9,450.00    450.00   an estimate: …

Who joins is a good customer already, so the first half says little. The second one
(`before_after`) is an estimate too: whoever joins may have meant to buy more anyway.
"""

from collections.abc import Iterable, Iterator

from daemon.base.money import BASIS_POINTS
from daemon.base.refusals import ParamError
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Store
from daemon.reports.before_after import Amounts, Joining, estimated, joinings
from daemon.reports.bought import MERGED_INTO
from daemon.reports.chosen import of_sales
from daemon.reports.customer_figures import ratio
from daemon.reports.filters import OF_SALES
from daemon.reports.report import Asked, Column, Kind, Report, Row, summed
from daemon.reports.status_spells import spells_of

JOINED_MIN = 30
"""Fewer who joined say nothing."""
TOO_FEW = "too few to say"
ESTIMATE = "an estimate: who joins may have meant to buy more anyway"
MEMBERS, OTHERS, NO_CARD = "members", "other cards", "without a card"
_COLUMNS = ("visits", "list_total", "discount", "net", "cost", "cost_net")


def _groups(store: Store, asked: Asked) -> dict[str, tuple[int, ...]]:
    """Return the sums of _COLUMNS, and how many customers have bought, of each group."""
    where = of_sales(asked.filters)
    account, merged = "f.account", ""
    if asked.has_merged:
        account = "coalesce(into_.kept, f.account)"
        merged = f" LEFT JOIN {MERGED_INTO} AS into_ ON into_.dropped = f.account"
    sums = ", ".join(f"{summed(f'f.{name}')} AS {name}" for name in _COLUMNS)
    # An underscore stands for any character in LIKE.
    held = asked.terms.status.replace("#", "##").replace("_", "#_").replace("%", "#%")
    text = (
        f"SELECT who, {', '.join(summed(name) for name in _COLUMNS)},"
        f" {summed('CASE WHEN visits > 0 THEN 1 ELSE 0 END')} FROM ("
        f"SELECT CASE WHEN f.account = '' THEN '{NO_CARD}'"
        f" WHEN ',' || f.statuses || ',' LIKE ? ESCAPE '#' THEN '{MEMBERS}'"
        f" ELSE '{OTHERS}' END AS who,"
        f" {account} AS account, {sums} FROM (SELECT * FROM fact WHERE day BETWEEN ? AND ?"
        f" AND {where.text}) AS f{merged} GROUP BY 1, 2) AS accounts GROUP BY who"
    )
    question: Question[tuple[str, tuple[int, ...]]] = Question(text, lambda who, *of: (who, of))
    return dict(store.ask(question, f"%,{held},%", *asked.period.days, *where.values))


def _group(who: str, sums: tuple[int, ...]) -> Row:
    visits, list_total, discount, net, cost, cost_net, buyers = sums
    customers = None if who == NO_CARD else buyers
    return (
        who,
        customers,
        visits,
        net,
        ratio(net, visits),
        ratio(100 * visits, customers or 0),
        ratio(BASIS_POINTS * discount, list_total),
        Amounts(net, cost, cost_net).margin,
        *(None, None, None, None, ""),
    )


def by_net(joined: Iterable[Joining]) -> list[tuple[int, int, int, int]]:
    """Return what is compared: net."""
    return [(one[0].net, one[1].net, one[2].net, one[3].net) for one in joined]


def by_margin(joined: Iterable[Joining]) -> list[tuple[int, int, int, int]] | None:
    """Return the same of margins; None where a cost is not known, or others had no margin."""
    found = []
    for one in joined:
        margins = [amounts.margin for amounts in one]
        known = [margin for margin in margins if margin is not None]
        if len(known) < len(margins) or known[2] <= 0:
            return None
        found.append((known[0], known[1], known[2], known[3]))
    return found


def _made(store: Store, asked: Asked) -> Iterator[Row]:
    known, status = asked.programme.statuses, asked.terms.status
    if not status or (known and status not in known):  # without any it may be of an earlier one
        raise ParamError("terms.status", f"say which; there are: {', '.join(known) or 'none'}")
    groups = _groups(store, asked)
    for who in (MEMBERS, OTHERS, NO_CARD):
        yield _group(who, groups.get(who, (0,) * (len(_COLUMNS) + 1)))
    spells = spells_of(store, asked.terms.status, asked.programme.days)
    joined = [*joinings(store, asked, spells)]
    for what, some in (("net", by_net(joined)), ("margin", by_margin(joined))):
        yield _estimate(f"joined: {what}", len(joined), some)


def _estimate(what: str, count: int, some: list[tuple[int, int, int, int]] | None) -> Row:
    start = (what, count, *[None] * 6)
    if count < JOINED_MIN:
        return (*start, None, None, None, None, TOO_FEW)
    return (*start, *(estimated(some) if some is not None else [None] * 4), ESTIMATE)


EFFECT = Report(
    name="effect",
    title="What a status brings: an estimate",
    columns=(
        Column("who", Kind.TEXT),
        Column("customers", Kind.COUNT),
        Column("purchases", Kind.COUNT),
        Column("net", Kind.MONEY),
        Column("average", Kind.MONEY),
        Column("purchases_each", Kind.RATIO),
        Column("discount_bp", Kind.BP),
        Column("margin", Kind.MONEY),
        Column("before", Kind.MONEY),
        Column("after", Kind.MONEY),
        Column("expected", Kind.MONEY),
        Column("effect", Kind.MONEY),
        Column("note", Kind.TEXT),
    ),
    sort="",
    takes=OF_SALES - {"attribution", "partner", "employee"},
    made=_made,
    terms=frozenset({"status"}),
)
