"""``issued``: the cards that customers got, and whether they were used within seven days.

``per`` says what a row is: a kind, a batch, a distributor, a store, a cashier, a condition.

    per distributor    handed_out   issued   used   net
    P0007 (Gym)               100       32     28   9,870.00     of its acts, to customers, …
    anna                       50       12      9   2,100.00

A distributor is whom an act handed cards out to: a person, a partner's code, or a store. A card
that was issued on the 1st and used on the 8th was used within seven days. ``net`` is what has been
bought with these cards since, less what came back.
"""

from collections import defaultdict
from collections.abc import Iterator

from daemon.accounts.act_contents import contents_of, names_of
from daemon.base.money import BASIS_POINTS
from daemon.ledger.storage.card_rows import ActRow
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Store
from daemon.reports.chosen import together
from daemon.reports.customer_figures import ratio
from daemon.reports.filters import Filters
from daemon.reports.report import Asked, Column, Kind, Report, Row, Sql, any_of, big, summed

FIRST_USE_DAYS = 7
BY = {
    "kind": "c.kind",
    "batch": "c.batch",
    "distributor": "c.act",
    "store": "i.store",
    "cashier": "i.by",
    "condition": "i.condition",
}
"""What a row goes by."""
WITH_CARD = "f.card_id = i.card_id AND f.account IN (i.account, c.account)"
"""Of a sale with the card of an issue, also after it went to another account."""
_ACT = "SELECT act, company, kind, made_at, by, state, store, count, total, head, contents, names"
_ACTS_THEN = Question(
    f"{_ACT} FROM act WHERE kind = 'A' AND state = 'final' AND made_at >= ? AND made_at < ?", ActRow
)
_ACT_NAMED = Question(f"{_ACT} FROM act WHERE act = ? AND company = ?", ActRow)


def of_issues(filters: Filters) -> Sql:
    """Return what a card's issue ``i`` must fulfil, and the card ``c``."""
    return together(_of_issues(filters))


def _of_issues(filters: Filters) -> Iterator[Sql]:
    for name, column in (("store", "i.store"), ("cashier", "i.by"), ("card_kind", "c.kind")):
        if wanted := getattr(filters, name):
            among = any_of(wanted)
            yield Sql(f"{column} {among.text}", among.values)


def _groups(asked: Asked) -> Sql:
    where = of_issues(asked.filters)
    used = (
        f"EXISTS (SELECT 1 FROM fact AS f WHERE {WITH_CARD} AND f.kind = 'sale'"
        f" AND f.day BETWEEN i.day AND i.day + {FIRST_USE_DAYS})"
    )
    net = f"coalesce((SELECT sum(f.net) FROM fact AS f WHERE {WITH_CARD}), 0)"
    text = (
        f"SELECT key, {big('count(*)')}, {summed('used')}, {summed('net')}, {summed('cost')},"
        f" {summed('price')} FROM (SELECT {BY[asked.per]} AS key,"
        f" CASE WHEN {used} THEN 1 ELSE 0 END AS used, {net} AS net, i.cost AS cost,"
        " i.price AS price FROM card_issue AS i JOIN card AS c ON c.card_id = i.card_id"
        f" WHERE i.day BETWEEN ? AND ? AND {where.text}) AS issues GROUP BY key ORDER BY key"
    )
    return Sql(text, (*asked.period.days, *where.values))


def _made(store: Store, asked: Asked) -> Iterator[Row]:
    groups = _groups(asked)
    found = store.ask(Question(groups.text, lambda *row: row), *groups.values)
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0] * 5)
    for key, *counts in found:
        whose = _distributor(store, key) if asked.per == "distributor" else key
        sums[whose] = [was + more for was, more in zip(sums[whose], counts, strict=True)]
    # Whom a card would go to is not known when it is handed out: no filter speaks of it.
    counts_out = asked.per == "distributor" and not asked.filters.named
    handed = _handed_out(store, asked) if counts_out else {}
    for key in sorted({*sums, *handed}):
        issued, used, net, cost, price = sums[key]
        out = handed.get(key, 0) if counts_out else None
        yield key, out, issued, used, ratio(BASIS_POINTS * used, issued), net, cost, price


def _distributor(store: Store, key: str) -> str:
    """Return whom the act of a card handed it out to; "" where there was none."""
    act, _, company = key.partition(" ")
    row = store.ask_one(_ACT_NAMED, act, company) if key else None
    return _whom(row) if row is not None else ""


def _whom(row: ActRow) -> str:
    return names_of(row).to or contents_of(row).for_store


def _handed_out(store: Store, asked: Asked) -> dict[str, int]:
    """Return how many cards went to each distributor by acts of the period that hold."""
    counts: defaultdict[str, int] = defaultdict(int)
    for row in store.ask(_ACTS_THEN, *asked.moments):
        if whom := _whom(row):
            counts[whom] += row.count
    return counts


ISSUED = Report(
    name="issued",
    title="Cards that customers got, and what became of them",
    columns=(
        Column("by", Kind.TEXT),
        Column("handed_out", Kind.COUNT, summed=True),
        Column("issued", Kind.COUNT, summed=True),
        Column("used", Kind.COUNT, summed=True),
        Column("used_bp", Kind.BP),
        Column("net", Kind.MONEY, summed=True),
        Column("cost", Kind.MONEY, summed=True),
        Column("price", Kind.MONEY, summed=True),
    ),
    sort="by",
    takes=frozenset({"store", "cashier", "card_kind"}),
    made=_made,
    ways=tuple(BY),
)
