"""Ids that a POS has given are kept under its till's ledger, and a receipt's code finds its sale.

Rows that a mark in an entry binds (``row_marks``) are marked anew: what a migration changes stands
in the chain as well, as an entry of the kind ``scope``.
"""

import hashlib
import struct
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from alembic import op
from sqlalchemy import Connection, text

revision = "0013"
down_revision = "0012"

TABLES = """
ALTER TABLE sale ADD COLUMN folded TEXT NOT NULL DEFAULT '';
CREATE INDEX sale_by_folded ON sale (folded) WHERE folded <> '';
CREATE TABLE till (
  store TEXT NOT NULL,
  terminal TEXT NOT NULL,
  ledger_id TEXT NOT NULL,
  PRIMARY KEY (store, terminal)
)
"""
SALE_METHODS = ("sale.hold", "sale.commit", "sale.void")
SALE_KINDS = {
    *("hold", "sale", "void", "expire", "return", "owed"),
    *("intent", "not_sent", "unknown", "not_written", "case"),
}
METHODS_OF = {
    "topup": ("card.topup",),
    "codes": ("code.issue",),
    "clock": ("clock.accept", "clock.reset"),
}
REFUSALS = {"start": b'{"refused":', "end": b'{"refused;'}
"""How answers begin that were refusals: from the one to the other."""
MARKS_MAX = 1_000
KEY_CHARS = 14
Request = tuple[str, str]


def upgrade() -> None:
    """Make the tables and columns, and give every id its scope."""
    for statement in TABLES.split(";"):
        op.execute(statement)
    db = op.get_bind()
    found = db.execute(text("SELECT ledger_id FROM ledger WHERE own = 1 ORDER BY ledger_id"))
    ledgers = [ledger_id for (ledger_id,) in found]
    if not ledgers:
        return
    named = _Named(db, ledgers)
    marks: defaultdict[str, list[str]] = defaultdict(list)
    for rows in (_sales(db, named), _codes(db, named), _requests(db, named)):
        for ledger_id, mark in rows:
            marks[ledger_id].append(mark)
    for ledger_id in named.with_marks & marks.keys():
        _append(db, ledger_id, named.heads[ledger_id], marks[ledger_id])


class _Named:
    """Which ledger every id is of: the one whose entry was the first to name it."""

    def __init__(self, db: Connection, ledgers: list[str]) -> None:
        self._ledgers = ledgers
        self._sales: dict[str, str] = {}
        self._requests: dict[Request, str] = {}
        self._marks: dict[str, str] = {}
        self.heads: dict[str, tuple[int, bytes, str]] = {}
        self.with_marks: set[str] = set()
        entries = db.execute(
            text("SELECT ledger_id, seq, hash, at, body FROM entry ORDER BY at, ledger_id, seq"),
            execution_options={"stream_results": True},
        )
        for ledger_id, seq, value, at, body in entries:
            if seq > self.heads.get(ledger_id, (0,))[0]:
                self.heads[ledger_id] = (seq, bytes(value), at)
            self._learn(ledger_id, msgspec.json.decode(bytes(body)))

    def _learn(self, ledger_id: str, entry: dict[str, Any]) -> None:
        kind, ref = entry["kind"], entry["ref"]
        if kind in SALE_KINDS:
            self._sales.setdefault(ref, ledger_id)
        if kind == "return":
            request = ("sale.return", entry.get("detail", {}).get("return_id", ""))
            self._requests.setdefault(request, ledger_id)
        for method in METHODS_OF.get(kind, ()):
            self._requests.setdefault((method, ref), ledger_id)
        if "rows" in entry:
            self.with_marks.add(ledger_id)
            for mark in entry["rows"]:
                self._marks.setdefault(mark[:KEY_CHARS], ledger_id)

    def sale(self, sale_id: str) -> str:
        """Return the ledger of a sale."""
        return self._sales.get(sale_id, self._ledgers[0])

    def issuer(self, ref: str) -> str:
        """Return the ledger of the sale or request that issued codes."""
        if ref in self._sales:
            return self._sales[ref]
        return self._requests.get(("code.issue", ref), self._ledgers[0])

    def request(self, method: str, request_id: str) -> list[str]:
        """Return the ledger of a request; all of them where no entry names it.

        Until now each till has answered it from here: a repetition must find its answer at any.
        """
        one = self._marks.get(_key_mark("request", [method, request_id]))
        one = one or self._requests.get((method, request_id))
        if one is None and method in SALE_METHODS:
            one = self._sales.get(request_id)
        return [one] if one else self._ledgers


Marks = Iterator[tuple[str, str]]


def _sales(db: Connection, named: _Named) -> Marks:
    """Rename sales; yield the marks of the rows after it, with the ledger to write them in."""
    columns = "sale_id, state, account, until, body"
    for old, state, account, until, body in db.execute(text(f"SELECT {columns} FROM sale")).all():
        ledger_id = named.sale(old)
        new = f"{ledger_id}/{old}"
        body = _renamed(bytes(body), new)
        db.execute(
            text("UPDATE sale SET sale_id = :new, body = :body WHERE sale_id = :old"),
            {"new": new, "body": body, "old": old},
        )
        yield ledger_id, _key_mark("sale", [old])
        yield ledger_id, _mark("sale", 1, [new, state, account, until, body, ""])


def _renamed(body: bytes, sale_id: str) -> bytes:
    if not body:
        return body
    record = msgspec.json.decode(body)
    intent = record.get("chip")
    for sale in (record["sale"], *([intent["sale"]] if intent else [])):
        sale["sale_id"] = sale_id
        for code in sale.get("issued", ()):
            code["ref"] = sale_id
    return msgspec.json.encode(record)


def _codes(db: Connection, named: _Named) -> Marks:
    columns = "code, campaign, account, ref, first_day, last_day, uses, state"
    for row in db.execute(text(f"SELECT {columns} FROM code")).all():
        ledger_id = named.issuer(row.ref)
        ref = f"{ledger_id}/{row.ref}"
        db.execute(
            text("UPDATE code SET ref = :ref WHERE code = :code"), {"ref": ref, "code": row.code}
        )
        yield ledger_id, _mark("code", 1, [*row[:3], ref, *row[4:]])


def _requests(db: Connection, named: _Named) -> Marks:
    # A refusal ends no id any more, so none is kept.
    db.execute(text("DELETE FROM request WHERE answer >= :start AND answer < :end"), REFUSALS)
    columns = "method, request_id, content, answer, at"
    for row in db.execute(text(f"SELECT {columns} FROM request")).all():
        content, answer = bytes(row.content), bytes(row.answer)
        place = {"method": row.method, "old": row.request_id}
        for ledger_id in named.request(row.method, row.request_id):
            new = f"{ledger_id}/{row.request_id}"
            db.execute(
                text(
                    f"INSERT INTO request ({columns}) SELECT method, :new, content, answer, at"
                    " FROM request WHERE method = :method AND request_id = :old"
                ),
                place | {"new": new},
            )
            yield ledger_id, _mark("request", 2, [row.method, new, content, answer, row.at])
        db.execute(text("DELETE FROM request WHERE method = :method AND request_id = :old"), place)


def _append(db: Connection, ledger_id: str, head: tuple[int, bytes, str], marks: list[str]) -> None:
    """Write marks down in entries that follow the head of a ledger."""
    seq, value, at = head
    for first in range(0, len(marks), MARKS_MAX):
        rows = marks[first : first + MARKS_MAX]
        body = msgspec.json.encode({"at": at, "kind": "scope", "ref": revision, "rows": rows})
        seq += 1
        value = hashlib.sha256(struct.pack(">32sQI", value, seq, len(body)) + body).digest()
        db.execute(
            text(
                "INSERT INTO entry (ledger_id, seq, account, at, body, hash)"
                " VALUES (:ledger_id, :seq, '', :at, :body, :hash)"
            ),
            {"ledger_id": ledger_id, "seq": seq, "at": at, "body": body, "hash": value},
        )


def _mark(table: str, keys: int, values: Sequence[Any]) -> str:
    """Return the mark of a row: as ``row_marks`` makes it on the day of this revision."""
    return _key_mark(table, values[:keys]) + _hash([table, *values], 12)


def _key_mark(table: str, key: Sequence[Any]) -> str:
    return table[:2] + _hash([table, *key], 9)


def _hash(values: list[Any], size: int) -> str:
    return b64encode(hashlib.sha256(msgspec.json.encode(values)).digest()[:size]).decode("ascii")
