"""The tables that a group writes, in the order in which every group locks their rows.

Three kinds: figures add up, rows of which there is one replace each other, all else is written
once. Which row it is, its first columns say; account ids lead them.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from daemon.ledger.posted_facts import NOT_COMPUTED
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.sale_states import SaleState
from daemon.ledger.storage.card_rows import ActRow, BatchRow, CardIssueRow, StagedRow
from daemon.ledger.storage.closing_rows import ClosingRow
from daemon.ledger.storage.customer_rows import (
    ConsentRow,
    CustomerKeyRow,
    CustomerPrivateRow,
    MergedRow,
    PhotoRow,
    QuestionnaireRow,
)
from daemon.ledger.storage.fact_tables import (
    FACT_COLUMNS,
    SUM_TABLES,
    SumTable,
)
from daemon.ledger.storage.finding_rows import FindingRow
from daemon.ledger.storage.friend_rows import FriendRow, InviteRow
from daemon.ledger.storage.import_rows import ImportKeyRow, ImportLineRow, ImportRow
from daemon.ledger.storage.mailing_rows import (
    AudiencePartRow,
    AudienceRow,
    MailingRow,
    MessageRow,
    OccasionRow,
)
from daemon.ledger.storage.partner_rows import AssignmentRow, PartnerRow, StatementRow
from daemon.ledger.storage.rows import (
    ActivationRow,
    CardRow,
    ChipRow,
    CodeRow,
    CustomerRow,
    DeviceRow,
    FoldRow,
    IdentifierRow,
    LotFoldRow,
    MemberRow,
    OperatorRow,
    PhoneRow,
    ProgrammeRow,
    RequestRow,
    TillRow,
)

_TYPES: dict[type, str] = {str: "text", int: "bigint", bytes: "bytea", SaleState: "text"}


def _type_of(field: Any) -> str:
    """Return the column's type; an id is kept as the text that it is."""
    return _TYPES[getattr(field, "__supertype__", field)]


class Table(NamedTuple):
    """How rows go into a table. ``types`` are those of ``names``, the columns.

    keys:     how many columns, from the first, say which row it is; 0 where none comes twice.
    conflict: what the INSERT ends with, for a row that is there.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    keys: int
    conflict: str


def _once(columns: str) -> Table:
    names, types = zip(*(column.split() for column in columns.split(", ")), strict=True)
    return Table(names, types, 0, "")


def _summed(table: str, columns: str, keys: int) -> Table:
    names, types, _, _ = _once(columns)
    sums = (f"{name} = {table}.{name} + excluded.{name}" for name in names[keys:])
    return Table(names, types, keys, _updating(names[:keys], sums))


def _kept(row: type[msgspec.Struct], keys: int, joined: int) -> Table:
    fields = msgspec.structs.fields(row)
    fields = fields[: len(fields) - joined]
    names, types = tuple(f.name for f in fields), tuple(_type_of(f.type) for f in fields)
    if not keys:
        return Table(names, types, 0, "")
    replaced = (f"{name} = excluded.{name}" for name in names[keys:])
    return Table(names, types, keys, _updating(names[:keys], replaced))


def _facts(table: str, of: SumTable) -> Table:
    """Return a table of sums over posted facts: each figure has its own way to go together."""
    keys = _once(of.keys)
    figures = [figure.split() for figure in of.figures.split(", ")]
    names = (*keys.names, *(name for name, _ in figures))
    types = (*keys.types, *("bigint" for _ in figures))
    ways = (
        f"{name} = {_WAYS[way].format(old=f'{table}.{name}', new=f'excluded.{name}')}"
        for name, way in figures
    )
    return Table(names, types, len(keys.names), _updating(keys.names, ways))


_WAYS = {
    "sum": "{old} + {new}",
    "min": "CASE WHEN {new} < {old} THEN {new} ELSE {old} END",
    "max": "CASE WHEN {new} > {old} THEN {new} ELSE {old} END",
    "new": f"CASE WHEN {{new}} = {NOT_COMPUTED} THEN {{old}} ELSE {{new}} END",
}
"""``fact_tables.WAYS`` as every database writes them."""


def _updating(keys: Iterable[str], values: Iterable[str]) -> str:
    updated = ", ".join(values)  # a row that is nothing but its key stays as it is
    doing = f"UPDATE SET {updated}" if updated else "NOTHING"
    return f"ON CONFLICT ({', '.join(keys)}) DO {doing}"


class Kept(NamedTuple):
    """Where a kind of row is kept, and how many of its columns say which row it is; see Table."""

    table: str
    keys: int
    joined: int = 0
    """How many fields, the last ones, are no columns: they come from elsewhere when it is read."""


KEPT: dict[type[msgspec.Struct], Kept] = {
    SaleRow: Kept("sale", 1, joined=1),
    # One of these that is there already is another's: it must fail, not be replaced.
    RequestRow: Kept("request", 0),
    IdentifierRow: Kept("identifier", 0),
    CardRow: Kept("card", 1),
    CustomerRow: Kept("customer", 1),
    PhoneRow: Kept("phone", 1),
    DeviceRow: Kept("pass_device", 2),
    ChipRow: Kept("chip", 1),
    MemberRow: Kept("member", 2),
    CodeRow: Kept("code", 1),
    ActivationRow: Kept("activation", 2),
    ProgrammeRow: Kept("programme", 1),
    TillRow: Kept("till", 0),
    FoldRow: Kept("fold", 1),
    LotFoldRow: Kept("lot_fold", 1),
    OperatorRow: Kept("operator", 1),
    QuestionnaireRow: Kept("questionnaire", 1),
    ConsentRow: Kept("consent", 3),
    CustomerKeyRow: Kept("customer_key", 3),
    CustomerPrivateRow: Kept("customer_private", 1),
    PhotoRow: Kept("customer_photo", 2),
    MergedRow: Kept("merged", 1),
    BatchRow: Kept("card_batch", 1),
    StagedRow: Kept("staged_number", 2),
    ActRow: Kept("act", 2),
    PartnerRow: Kept("partner", 1),
    AssignmentRow: Kept("assignment", 0),
    StatementRow: Kept("statement", 1),
    CardIssueRow: Kept("card_issue", 1),
    InviteRow: Kept("invite", 1),
    FriendRow: Kept("friend", 1),
    ImportRow: Kept("import", 1),
    ImportLineRow: Kept("import_line", 2),
    ImportKeyRow: Kept("import_key", 3),
    AudienceRow: Kept("audience", 1),
    AudiencePartRow: Kept("audience_part", 2),
    MailingRow: Kept("mailing", 1),
    MessageRow: Kept("message", 2),
    OccasionRow: Kept("occasion", 3),
    FindingRow: Kept("finding", 1),
    ClosingRow: Kept("closing", 2),
}
"""A new kind of row is a struct in ``rows``, a line here, and a migration."""
TABLES: dict[str, Table] = {
    "balance": _summed("balance", "account text, purse text, posted bigint, held bigint", keys=2),
    "lot": _summed(
        "lot",
        "account text, purse text, expires integer, usable_from integer, amount bigint",
        keys=4,
    ),
    "meter": _summed("meter", "account text, meter text, day integer, amount bigint", keys=3),
    "counter": _summed("counter", "counter text, amount bigint", keys=1),
    **{kept.table: _kept(row, kept.keys, kept.joined) for row, kept in KEPT.items()},
    **{name: _facts(name, table) for name, table in SUM_TABLES.items()},
    "entry": _once("ledger_id text, seq bigint, account text, at text, body bytea, hash bytea"),
    "posting": _once(
        "account text, purse text, ledger_id text, seq bigint, leg integer, amount bigint"
    ),
    "fact": _once(FACT_COLUMNS)._replace(keys=3),
}
DELETED_BY = {name: table.keys for name, table in TABLES.items() if table.keys} | {"request": 2}
"""By how many columns, from the first, a row is deleted; one of a request is never replaced."""
CACHED = (
    ("balance", "SELECT account, purse, 'posted', posted FROM balance"),
    ("balance", "SELECT account, purse, 'held', held FROM balance"),
    ("lot", "SELECT account, purse, expires, usable_from, amount FROM lot"),
    ("meter", "SELECT account, meter, day, amount FROM meter"),
    ("counter", "SELECT counter, amount FROM counter"),
    ("posting", "SELECT ledger_id, seq, leg, account, purse, amount FROM posting"),
)
"""The figures that follow from the entries, each as its key and its value last: for the audit."""
FACTS = tuple(
    (name, f"SELECT {', '.join(TABLES[name].names)} FROM {name}") for name in ("fact", *SUM_TABLES)
)
"""What reports read, which follows from the entries as well; see ``fact_tables``."""
