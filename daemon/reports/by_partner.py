"""``partners``: what each partner has brought, opened to employees.

A partner's line has all of it, and below it stands a line for each employee who sent somebody:

    P0007                attracted 5   net 3,000.00   rewards 150.00
    P0007-01             attracted 3   net 2,000.00   rewards  40.00
    P0007-02             attracted 1   net   500.00   rewards  10.00

``attracted`` counts customers whose first assignment ever lies in the period and is this one. The
money goes by who had sent the customer at each sale, or by who has sent them now.
"""

from daemon.reports.bought import MERGED_INTO, bought
from daemon.reports.by_customer import FIGURES, average, figures, margin
from daemon.reports.chosen import of_customers, of_sales, together
from daemon.reports.filters import IN_SUMS, OF_CUSTOMERS, OF_SALES
from daemon.reports.report import Asked, Column, Kind, Report, Sql, any_of, big, summed
from daemon.reports.segments import in_segments

_MONEY = ("list_total", "discount", "net", "paid", "burned", "earned", "cost", "cost_net", "visits")


def _by_account(asked: Asked) -> Sql:
    """Return sums by partner, employee and account."""
    facts_only = bool(asked.filters.named & (OF_SALES - IN_SUMS))
    if asked.filters.attribution == "sale":
        keys = ("partner", "employee", "account")
        sent = together(iter((Sql("partner <> ''"), of_sales(asked.filters))))
        rows = bought(asked, sent, keys=keys, facts_only=facts_only)
        named, join = "who.partner AS partner, who.employee AS employee", ""
    else:
        rows = bought(asked, of_sales(asked.filters), keys=("account",), facts_only=facts_only)
        named = "sent.partner AS partner, sent.employee AS employee"
        join = f" JOIN {_NEWEST} AS sent ON sent.account = who.account"
    chosen, among = of_customers(asked), in_segments(asked)
    text = (
        f"SELECT {named}, who.account AS account, {', '.join(f'who.{one}' for one in _MONEY)}"
        f" FROM ({rows.text}) AS who{join} WHERE {chosen.text} AND {among.text}"
    )
    return Sql(text, (*rows.values, *chosen.values, *among.values))


_NEWEST = (
    "(SELECT account, partner, employee FROM assignment AS a WHERE NOT EXISTS"
    " (SELECT 1 FROM assignment AS later WHERE later.account = a.account"
    " AND (later.at, later.ledger_id, later.seq) > (a.at, a.ledger_id, a.seq)))"
)


def _first_assignments(asked: Asked) -> str:
    account = "a.account"
    merged = ""
    if asked.has_merged:  # whoever was merged was attracted as the one that is left
        merged = f" AND NOT EXISTS (SELECT 1 FROM {MERGED_INTO} AS m WHERE m.dropped = {account})"
    return (
        "(SELECT account, at, partner, employee FROM assignment AS a WHERE a.partner <> ''"
        " AND NOT EXISTS (SELECT 1 FROM assignment AS sooner WHERE sooner.account = a.account"
        " AND sooner.partner <> ''"
        " AND (sooner.at, sooner.ledger_id, sooner.seq) < (a.at, a.ledger_id, a.seq))"
        f"{merged})"
    )


def _attracted(asked: Asked) -> Sql:
    """Return how many customers each pair was the first to send: ever, and in the period."""
    text = (
        f"SELECT partner, employee, {big('count(*)')} AS attracted_total,"
        f" {summed('CASE WHEN at >= ? AND at < ? THEN 1 ELSE 0 END')} AS attracted"
        f" FROM {_first_assignments(asked)} AS firsts GROUP BY partner, employee"
    )
    return Sql(text, asked.moments)


def rewards(asked: Asked) -> Sql:
    """Return what the sales of the period have brought to each account, in minor units."""
    purses = [purse for purse in asked.programme.purses.values() if purse.worth]
    if not purses:
        return Sql("SELECT '' AS partner, '' AS whose, 0 AS rewards, 0 AS reversed WHERE 1 = 0")
    where, chosen, among = of_sales(asked.filters), of_customers(asked), in_segments(asked)
    minor = f"p.amount * CASE p.purse {' '.join('WHEN ? THEN ?' for _ in purses)} END"
    named = any_of(purse.id for purse in purses)
    text = (
        f"SELECT partner, whose, {summed('CASE WHEN minor > 0 THEN minor ELSE 0 END')} AS rewards,"
        f" {summed('CASE WHEN minor < 0 THEN -minor ELSE 0 END')} AS reversed FROM ("
        f"SELECT who.partner AS partner, p.account AS whose, {minor} AS minor"
        f" FROM (SELECT * FROM fact WHERE day BETWEEN ? AND ? AND partner <> '' AND {where.text})"
        " AS who JOIN posting AS p ON p.account IN (who.partner, who.employee)"
        f" AND p.purse {named.text} AND p.ledger_id = who.ledger_id AND p.seq = who.seq"
        f" WHERE {chosen.text} AND {among.text}) AS rewarded GROUP BY partner, whose"
    )
    worths = tuple(value for purse in purses for value in (purse.id, purse.worth))
    asked_for = (*asked.period.days, *where.values, *named.values, *chosen.values, *among.values)
    return Sql(text, (*worths, *asked_for))


def _of(key: str) -> str:
    """Return the rows of partners, or of employees, out of what `_partners` names."""
    sums = ", ".join(f"{summed(name)} AS {name}" for name in _MONEY)
    whose = "partner" if key == "partner" else "whose"
    return (
        "SELECT p.code AS key, p.name AS name, coalesce(a.attracted, 0) AS attracted,"
        " coalesce(a.attracted_total, 0) AS attracted_total,"
        f" coalesce(b.customers, 0) AS customers, {figures('b')}, {average('b')},"
        " coalesce(w.rewards, 0) AS rewards, coalesce(w.reversed, 0) AS reversed,"
        f" {margin('b')} AS margin, {margin('b')} - coalesce(w.rewards, 0) AS margin_after"
        " FROM partner AS p"
        f" LEFT JOIN (SELECT {key} AS whose,"
        f" count(DISTINCT CASE WHEN visits > 0 THEN account END) AS customers, {sums}"
        f" FROM bought GROUP BY {key}) AS b ON b.whose = p.account"
        f" LEFT JOIN (SELECT {key} AS whose, {summed('attracted')} AS attracted,"
        f" {summed('attracted_total')} AS attracted_total FROM attracted GROUP BY {key}) AS a"
        f" ON a.whose = p.account"
        f" LEFT JOIN (SELECT {whose} AS whose, {summed('rewards')} AS rewards,"
        f" {summed('reversed')} AS reversed FROM rewarded GROUP BY {whose}) AS w"
        f" ON w.whose = p.account WHERE p.kind = '{key}'"
    )


def _partners(asked: Asked) -> Sql:
    rows, attracted, rewarded = _by_account(asked), _attracted(asked), rewards(asked)
    text = (
        f"WITH bought AS ({rows.text}), attracted AS ({attracted.text}),"
        f" rewarded AS ({rewarded.text}) {_of('partner')} UNION ALL {_of('employee')}"
    )
    return Sql(text, (*rows.values, *attracted.values, *rewarded.values))


_MONEY_COLUMNS = tuple(
    Column(column.name, column.kind)
    for column in FIGURES
    if column.name not in ("standing_bp", "first_day", "last_day", "days_since", "margin")
)
PARTNERS = Report(
    name="partners",
    title="What partners and their employees have brought",
    columns=(
        Column("partner", Kind.TEXT),
        Column("name", Kind.TEXT),
        Column("attracted", Kind.COUNT),
        Column("attracted_total", Kind.COUNT),
        Column("customers", Kind.COUNT),
        *_MONEY_COLUMNS,
        Column("rewards", Kind.MONEY),
        Column("reversed", Kind.MONEY),
        Column("margin", Kind.MONEY),
        Column("margin_after", Kind.MONEY),
    ),
    sort="partner",
    takes=OF_SALES | OF_CUSTOMERS,
    select=_partners,
)
