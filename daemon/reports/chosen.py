"""What a question chooses, as SQL: which sales, which customers, which rows.

The text is of this program alone, and what somebody asked stands in ``values``. Customers are
looked at as ``who``, the relation that a report names so.
"""

from collections.abc import Iterator

from daemon.base.refusals import ParamError
from daemon.base.text_limits import read_day
from daemon.ledger.posted_facts import SaleFlag
from daemon.programme.status import OUTSIDE
from daemon.reports.bought import MERGED_INTO, of_all_time
from daemon.reports.filters import Filters, day_said
from daemon.reports.report import Asked, Sql, Value, any_of

FLAGS = {str(flag.name).lower(): flag.value for flag in SaleFlag}


def together(parts: Iterator[Sql]) -> Sql:
    """Return what holds where all of it holds; 1 = 1 for none."""
    some = list(parts)
    text = " AND ".join(part.text for part in some) or "1 = 1"
    return Sql(text, tuple(value for part in some for value in part.values))


_PLAIN = ("store", "terminal", "cashier", "issuer")
_COMPUTED = {"hour": "minute / 60", "weekday": "(day - 1) % 7 + 1"}
"""Days are ordinals, and day 1 was a Monday."""


def of_sales(filters: Filters) -> Sql:
    """Return what a sale's row must fulfil."""
    return together(_of_sales(filters))


def _of_sales(filters: Filters) -> Iterator[Sql]:
    for name in (*_PLAIN, *_COMPUTED):
        if wanted := getattr(filters, name):
            among = any_of(wanted)
            yield Sql(f"{_COMPUTED.get(name, name)} {among.text}", among.values)
    if filters.flag:
        yield Sql("(flags & ?) <> 0", (sum({FLAGS[name] for name in filters.flag}),))
    for name in ("partner", "employee"):
        if codes := getattr(filters, name):
            yield _sent_by(name, codes, filters.attribution)


def _sent_by(name: str, codes: tuple[str, ...], attribution: str) -> Sql:
    among = any_of(code.upper() for code in codes)
    accounts = f"(SELECT account FROM partner WHERE code {among.text})"
    if attribution == "sale":
        return Sql(f"{name} IN {accounts}", among.values)
    newest = (
        f"SELECT a.account FROM assignment AS a WHERE a.{name} IN {accounts} AND NOT EXISTS"
        " (SELECT 1 FROM assignment AS later WHERE later.account = a.account"
        " AND (later.at, later.ledger_id, later.seq) > (a.at, a.ledger_id, a.seq))"
    )
    # Facts stay with the account that was sold to; whoever it was merged into says who has sent it.
    text = (
        f"account IN ({newest} AND NOT EXISTS (SELECT 1 FROM merged WHERE dropped = a.account)"
        f" UNION ALL SELECT dropped FROM {MERGED_INTO} AS gone WHERE kept IN ({newest}))"
    )
    return Sql(text, (*among.values, *among.values))


def of_customers(asked: Asked) -> Sql:
    """Return what the account ``who.account`` must fulfil."""
    return together(_of_customers(asked))


def _of_customers(asked: Asked) -> Iterator[Sql]:
    filters = asked.filters
    for kind in ("tag", "language"):
        if wanted := getattr(filters, kind):
            yield _has_key(kind, wanted)
    for question, wanted in filters.answer.items():
        yield _has_key(f"answer.{question}", wanted)
    if filters.status:
        yield _stands(filters.status)
    if filters.card_kind:
        among = any_of(filters.card_kind)
        yield _exists("card", f"kind {among.text}", among.values)
    if filters.consent:
        among = any_of(filters.consent)
        yield _exists("consent", f"given = 1 AND channel {among.text}", among.values)
    yield from _of_account_sums(asked)
    yield from _joined(filters)


def _of_account_sums(asked: Asked) -> Iterator[Sql]:
    filters, ever = asked.filters, of_all_time(asked)
    where: list[tuple[str, int]] = []
    for name, sign in (("standing_from", ">="), ("standing_to", "<=")):
        bound = getattr(filters, name)
        if bound is not None:
            where.append((f"standing_bp >= 0 AND standing_bp {sign} ?", bound))
    if filters.dormant_since:
        day = day_said(filters.dormant_since, asked.today, "filters.dormant_since")
        where.append(("last_day > 0 AND last_day < ?", day.toordinal()))
    for what, value in where:
        yield Sql(f"who.account IN (SELECT account FROM {ever} WHERE {what})", (value,))


def _joined(filters: Filters) -> Iterator[Sql]:
    first = (
        "(SELECT min(i.day) FROM card AS c JOIN card_issue AS i ON i.card_id = c.card_id"
        " WHERE c.account = who.account)"
    )
    for name, sign in (("joined_from", ">="), ("joined_to", "<=")):
        if said := getattr(filters, name):
            yield Sql(f"{first} {sign} ?", (read_day(said, f"filters.{name}").toordinal(),))


def _exists(table: str, what: str, values: tuple[Value, ...]) -> Sql:
    text = f"EXISTS (SELECT 1 FROM {table} AS t WHERE t.account = who.account AND {what})"
    return Sql(text, values)


def _has_key(kind: str, wanted: tuple[str, ...]) -> Sql:
    among = any_of(wanted)
    return _exists("customer_key", f"kind = ? AND value {among.text}", (kind, *among.values))


_STAGES = ("member", "candidate", "lapsing", OUTSIDE.stage)


def _stands(wanted: tuple[str, ...]) -> Sql:
    parts: list[str] = []
    values: list[str] = []
    for one in wanted:
        status, colon, stage = one.partition(":")
        if not colon or stage not in _STAGES:
            known = "|".join(_STAGES)
            raise ParamError("filters.status", f"{one!r} is not such as club:member ({known})")
        text, said = "status = ? AND state LIKE ?", f'{{"stage":"{stage}"%'
        if stage == OUTSIDE.stage:
            text, said = "status = ? AND state NOT LIKE ?", f'{{"stage":"{OUTSIDE.stage}"%'
        among = _exists("member", text, (status, said))
        parts.append(f"NOT {among.text}" if stage == OUTSIDE.stage else among.text)
        values += [status, said]
    return Sql(f"({' OR '.join(parts)})", tuple(values))


def of_rows(filters: Filters) -> Sql:
    """Return what the columns of a row must fulfil."""
    bounds = {
        "min_purchases": "purchases >= ?",
        "max_purchases": "purchases <= ?",
        "net_from": "net >= ?",
        "net_to": "net <= ?",
        "discount_from": "discount_bp >= ?",
        "discount_to": "discount_bp <= ?",
    }
    said = ((text, getattr(filters, name)) for name, text in bounds.items())
    return together(Sql(text, (bound,)) for text, bound in said if bound is not None)
