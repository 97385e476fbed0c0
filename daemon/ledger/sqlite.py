"""The ledger on SQLite: write-ahead log, ``synchronous=FULL``, plain SQL."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from daemon.ledger.entries import GENESIS_HASH as GENESIS
from daemon.ledger.entries import LIABILITY, SYSTEM_ACCOUNTS, ChainedEntry, Entry, chain
from daemon.ledger.purse import Lot, PurseState
from daemon.ledger.rows import KEPT, Question, R, replacing
from daemon.ledger.sqlite_file import check, claimed, connected, migrate, translated
from daemon.ledger.states import SaleState
from daemon.ledger.store import (
    EXPIRED_HOLDS_MAX,
    LIFE,
    CardRow,
    Change,
    ChipRow,
    CustomerRow,
    DeviceRow,
    PhoneRow,
    RequestRow,
    SaleRow,
    View,
)

_CARD = "card_id, account, state, kind, number, ean13, token_hash, until, issuer"
_PUT = {
    row: f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"
    f" {replacing(table)}"
    for row, table in KEPT.items()
}
_CACHED = (
    ("balance", "SELECT account, purse, 'posted', posted FROM balance"),
    ("balance", "SELECT account, purse, 'held', held FROM balance"),
    ("lot", "SELECT account, purse, expires, usable_from, amount FROM lot"),
    ("meter", "SELECT account, meter, day, amount FROM meter"),
    ("counter", "SELECT counter, amount FROM counter"),
    ("posting", "SELECT ledger_id, seq, leg, account, purse, amount FROM posting"),
)


class SQLiteStore:
    """One connection. ``read_only`` connections serve quotes while the writer syncs.

    trace: called with every SQL statement before it runs.
    """

    def __init__(
        self, path: Path, *, read_only: bool = False, trace: Callable[[str], None] | None = None
    ) -> None:
        self._read_only = read_only
        with ExitStack() as opened:
            if read_only:
                check(path)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                opened.enter_context(claimed(path))
                migrate(path)
            self._db = opened.enter_context(closing(connected(path, read_only=read_only)))
            self._db.set_trace_callback(trace)
            with translated():
                self._db.execute("PRAGMA synchronous = FULL")
                if not read_only:
                    self._db.execute("PRAGMA journal_mode = WAL")
                self.ledger_id = self._own_ledger(read_only=read_only)
                self._head = self._read_head()
            self._opened = opened.pop_all()

    def _own_ledger(self, *, read_only: bool) -> str:
        row = self._db.execute("SELECT ledger_id FROM ledger WHERE own = 1").fetchone()
        if row is not None:
            return str(row[0])
        assert not read_only, "a database is made by its writer"
        ledger_id = secrets.token_hex(8)
        self._db.execute("INSERT INTO ledger (ledger_id, own) VALUES (?, 1)", (ledger_id,))
        return ledger_id

    def _read_head(self) -> tuple[int, bytes]:
        row = self._db.execute(
            "SELECT seq, hash FROM entry WHERE ledger_id = ? ORDER BY seq DESC LIMIT 1",
            (self.ledger_id,),
        ).fetchone()
        return (row[0], row[1]) if row else (0, GENESIS)

    def begin(self) -> None:
        """Start the transaction of a group."""
        with translated():
            self._db.execute("BEGIN" if self._read_only else "BEGIN IMMEDIATE")
            self._head = self._read_head()

    def commit(self) -> None:
        """Make the group durable: returns after the write-ahead log is synced."""
        with translated():
            self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Drop the group; harmless when SQLite has already done so by itself."""
        if self._db.in_transaction:
            with translated():
                self._db.execute("ROLLBACK")

    def savepoint(self) -> None:
        """Start one job inside the group."""
        with translated():
            self._db.execute("SAVEPOINT job")
        self._head_before_job = self._head

    def release(self) -> None:
        """Keep the job."""
        with translated():
            self._db.execute("RELEASE job")

    def rollback_to(self) -> None:
        """Drop the job, keep the group."""
        with translated():
            self._db.execute("ROLLBACK TO job")
            self._db.execute("RELEASE job")
        self._head = self._head_before_job

    def view(
        self,
        *,
        method: str,
        request_id: str,
        sale_id: str,
        accounts: Iterable[str],
        counters: Iterable[str],
    ) -> View:
        """Read what a writing request needs."""
        return View(
            request=self.request(method, request_id),
            sale=self.sale(sale_id),
            purses={account: self.purses(account) for account in accounts},
            counters=self.counters(counters),
        )

    def write(self, change: Change) -> None:
        """Append the entry to this ledger's chain and bring every cached figure along."""
        with translated():
            if change.entry is not None:
                self._append(change.entry)
            if change.request is not None:
                self._db.execute(
                    "INSERT INTO request (method, request_id, content, answer, at)"
                    " VALUES (?, ?, ?, ?, ?)",
                    _row(change.request),
                )
            if change.sale is not None:
                self._put_sale(change.sale)
            if change.card is not None:
                self._db.execute(
                    f"INSERT INTO card ({_CARD}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (card_id) DO UPDATE SET"
                    " account = excluded.account, state = excluded.state,"
                    " token_hash = excluded.token_hash, until = excluded.until",
                    _row(change.card),
                )
                self._db.executemany(
                    "INSERT INTO identifier (scheme, value, card_id) VALUES (?, ?, ?)",
                    [(*identifier, change.card.card_id) for identifier in change.identifiers],
                )
            if change.customer is not None:
                self._db.execute(
                    "INSERT INTO customer (account, profile) VALUES (?, ?)"
                    " ON CONFLICT (account) DO UPDATE SET profile = excluded.profile",
                    _row(change.customer),
                )
            self._put_phone(change)
            if change.chip is not None:
                self._db.execute(
                    "INSERT OR REPLACE INTO chip (uid, seq, txid, balance, speaks, alarm)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    _row(change.chip),
                )
            if change.programme is not None:
                self._db.execute(
                    "INSERT INTO programme (version, text) VALUES (?, ?) ON CONFLICT DO NOTHING",
                    change.programme,
                )
            for row in change.rows:
                self._db.execute(_PUT[type(row)], _row(row))
            if change.requests_before:
                self._db.execute("DELETE FROM request WHERE at < ?", (change.requests_before,))

    def _put_phone(self, change: Change) -> None:
        if change.phone is not None:
            self._db.execute(
                "INSERT INTO phone (card_id, number, generation, last_step, key_id)"
                " VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (card_id) DO UPDATE SET number = excluded.number,"
                " generation = excluded.generation, last_step = excluded.last_step,"
                " key_id = excluded.key_id",
                _row(change.phone),
            )
        if change.device is not None:
            self._db.execute(
                "INSERT INTO pass_device (device, card_id, push_token) VALUES (?, ?, ?)"
                " ON CONFLICT (device, card_id) DO UPDATE SET push_token = excluded.push_token",
                _row(change.device),
            )
        if change.device_gone is not None:
            self._db.execute(
                "DELETE FROM pass_device WHERE device = ? AND card_id = ?", change.device_gone
            )

    def _append(self, entry: Entry) -> None:
        chained = chain(self.ledger_id, self._head, entry)
        place = (chained.ledger_id, chained.seq)
        self._db.execute(
            "INSERT INTO entry (ledger_id, seq, account, at, body, hash) VALUES (?, ?, ?, ?, ?, ?)",
            (*place, entry.account, entry.at, chained.body, chained.hash),
        )
        self._db.execute("INSERT INTO outbox (ledger_id, seq) VALUES (?, ?)", place)
        self._db.executemany(
            "INSERT INTO posting (account, purse, ledger_id, seq, leg, amount)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [(p.account, p.purse, *place, n, p.amount) for n, p in enumerate(entry.postings)],
        )
        self._move(entry)
        self._head = (chained.seq, chained.hash)

    def _move(self, entry: Entry) -> None:
        # System accounts have no cached balance: every sale touches them (a hot row).
        own = [p for p in entry.postings if p.account not in SYSTEM_ACCOUNTS]
        balances = [(p.account, p.purse, p.amount, 0) for p in own]
        balances += [(h.account, h.purse, 0, h.amount) for h in entry.held]
        self._db.executemany(
            "INSERT INTO balance (account, purse, posted, held) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (account, purse) DO UPDATE SET"
            " posted = posted + excluded.posted, held = held + excluded.held",
            balances,
        )
        self._db.executemany(
            "INSERT INTO lot (account, purse, expires, usable_from, amount) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (account, purse, expires, usable_from) DO UPDATE SET"
            " amount = amount + excluded.amount",
            [_row(move) for move in entry.lots],
        )
        self._db.executemany(
            "DELETE FROM lot WHERE account = ? AND purse = ? AND expires = ? AND usable_from = ?"
            " AND amount = 0",
            [_row(move)[:4] for move in entry.lots if move.amount < 0],
        )
        meters = [
            (m.account, m.meter, day, m.amount) for m in entry.meters for day in (LIFE, m.day)
        ]
        self._db.executemany(
            "INSERT INTO meter (account, meter, day, amount) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (account, meter, day) DO UPDATE SET amount = amount + excluded.amount",
            meters,
        )
        self._db.executemany(
            "INSERT INTO counter (counter, amount) VALUES (?, ?)"
            " ON CONFLICT (counter) DO UPDATE SET amount = amount + excluded.amount",
            [_row(move) for move in entry.counters],
        )

    def _put_sale(self, sale: SaleRow) -> None:
        self._db.execute(
            "INSERT INTO sale (sale_id, state, account, until, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (sale_id) DO UPDATE SET"
            " state = excluded.state, until = excluded.until, body = excluded.body",
            _row(sale),
        )

    def purses(self, account: str) -> dict[str, PurseState]:
        """Return the account's purses."""
        with translated():
            lots: dict[str, list[Lot]] = {}
            for purse, *lot in self._db.execute(
                "SELECT purse, expires, usable_from, amount FROM lot WHERE account = ?"
                " ORDER BY purse, expires, usable_from",
                (account,),
            ):
                lots.setdefault(purse, []).append(Lot(*lot))
            balances = self._db.execute(
                "SELECT purse, posted, held FROM balance WHERE account = ?", (account,)
            )
            return {
                purse: PurseState(posted, held, tuple(lots.get(purse, ())))
                for purse, posted, held in balances
            }

    def meters(self, account: str, windows: Mapping[str, tuple[int, int] | None]) -> dict[str, int]:
        """Sum meters over windows of local days, first and last included; None is for ever."""
        sums = {}
        with translated():
            for meter, window in windows.items():
                first, last = window or (LIFE, LIFE)
                row = self._db.execute(
                    "SELECT coalesce(sum(amount), 0) FROM meter"
                    " WHERE account = ? AND meter = ? AND day BETWEEN ? AND ?",
                    (account, meter, first, last),
                ).fetchone()
                sums[meter] = int(row[0])
        return sums

    def counters(self, keys: Iterable[str]) -> dict[str, int]:
        """Return the counters that are not zero."""
        found = {}
        with translated():
            for key in keys:
                row = self._db.execute(
                    "SELECT amount FROM counter WHERE counter = ?", (key,)
                ).fetchone()
                if row and row[0]:
                    found[key] = int(row[0])
        return found

    def sale(self, sale_id: str) -> SaleRow | None:
        """Return a sale."""
        with translated():
            row = self._db.execute(
                "SELECT sale_id, state, account, until, body FROM sale WHERE sale_id = ?",
                (sale_id,),
            ).fetchone()
        return _sale(row) if row else None

    def request(self, method: str, request_id: str) -> RequestRow | None:
        """Return a finished request."""
        with translated():
            row = self._db.execute(
                "SELECT method, request_id, content, answer, at FROM request"
                " WHERE method = ? AND request_id = ?",
                (method, request_id),
            ).fetchone()
        return RequestRow(*row) if row else None

    def expired_holds(self, now: str) -> list[SaleRow]:
        """Return holds whose time has run out, oldest first."""
        with translated():
            rows = self._db.execute(
                "SELECT sale_id, state, account, until, body FROM sale"
                " WHERE until <> '' AND until <= ? ORDER BY until LIMIT ?",
                (now, EXPIRED_HOLDS_MAX),
            ).fetchall()
        return [_sale(row) for row in rows]

    def unsettled(self, account: str | None = None) -> list[SaleRow]:
        """Return sales that wait for what a chip says."""
        with translated():
            rows = self._db.execute(
                "SELECT sale_id, state, account, until, body FROM sale"
                " WHERE state IN ('intent', 'unknown', 'void_pending')"
                " AND account = coalesce(?, account) ORDER BY sale_id",
                (account,),
            ).fetchall()
        return [_sale(row) for row in rows]

    def chip(self, uid: str) -> ChipRow | None:
        """Return what was last seen of a chip."""
        with translated():
            row = self._db.execute(
                "SELECT uid, seq, txid, balance, speaks, alarm FROM chip WHERE uid = ?", (uid,)
            ).fetchone()
        return ChipRow(*row) if row else None

    def unsent_burns(self, purse: str) -> int:
        """Return what was burned from ``purse`` in entries of this ledger still to be forwarded."""
        with translated():
            row = self._db.execute(
                "SELECT coalesce(sum(p.amount), 0) FROM outbox o"
                " JOIN posting p ON p.ledger_id = o.ledger_id AND p.seq = o.seq"
                " WHERE o.ledger_id = ? AND p.account = ? AND p.purse = ? AND p.amount > 0",
                (self.ledger_id, LIABILITY, purse),
            ).fetchone()
        return int(row[0])

    def find_card(self, scheme: str, value: str) -> CardRow | None:
        """Return the card that an identifier belongs to."""
        return self._card(
            "card_id = (SELECT card_id FROM identifier WHERE scheme = ? AND value = ?)",
            (scheme, value),
        )

    def card_by_token(self, token_hash: bytes) -> CardRow | None:
        """Return the card that a page token opens."""
        return self._card("token_hash = ?", (token_hash,))

    def card(self, card_id: str) -> CardRow | None:
        """Return a card."""
        return self._card("card_id = ?", (card_id,))

    def _card(self, where: str, values: tuple[str | bytes, ...]) -> CardRow | None:
        with translated():
            row = self._db.execute(f"SELECT {_CARD} FROM card WHERE {where}", values).fetchone()
        return CardRow(*row) if row else None

    def customer(self, account: str) -> CustomerRow | None:
        """Return the person behind an account."""
        with translated():
            row = self._db.execute(
                "SELECT account, profile FROM customer WHERE account = ?", (account,)
            ).fetchone()
        return CustomerRow(*row) if row else None

    def phone(self, card_id: str) -> PhoneRow | None:
        """Return the phone that carries a card."""
        with translated():
            row = self._db.execute(
                "SELECT card_id, number, generation, last_step, key_id FROM phone"
                " WHERE card_id = ?",
                (card_id,),
            ).fetchone()
        return PhoneRow(*row) if row else None

    def devices(self, card_id: str) -> list[DeviceRow]:
        """Return the devices that hold a card's pass."""
        with translated():
            rows = self._db.execute(
                "SELECT device, card_id, push_token FROM pass_device WHERE card_id = ?"
                " ORDER BY device",
                (card_id,),
            ).fetchall()
        return [DeviceRow(*row) for row in rows]

    def device_cards(self, device: str) -> list[CardRow]:
        """Return the cards whose passes a device holds."""
        with translated():
            rows = self._db.execute(
                f"SELECT {_CARD} FROM card WHERE card_id IN"
                " (SELECT card_id FROM pass_device WHERE device = ?) ORDER BY card_id",
                (device,),
            ).fetchall()
        return [CardRow(*row) for row in rows]

    def programme(self, version: str) -> str | None:
        """Return the text of a programme version that has priced something."""
        with translated():
            row = self._db.execute(
                "SELECT text FROM programme WHERE version = ?", (version,)
            ).fetchone()
        return str(row[0]) if row else None

    def history(self, account: str, limit: int) -> list[bytes]:
        """Return the bodies of the account's newest entries, newest first."""
        with translated():
            rows = self._db.execute(
                "SELECT body FROM entry WHERE account = ?"
                " ORDER BY at DESC, ledger_id DESC, seq DESC LIMIT ?",
                (account, limit),
            ).fetchall()
        return [row[0] for row in rows]

    def newest_at(self) -> str:
        """Return when this ledger's newest entry was made, RFC 3339, or "" before the first."""
        with translated():
            row = self._db.execute(
                "SELECT at FROM entry WHERE ledger_id = ? ORDER BY seq DESC LIMIT 1",
                (self.ledger_id,),
            ).fetchone()
        return str(row[0]) if row else ""

    def ask(self, question: Question[R], *values: str | int) -> list[R]:
        """Return the rows that answer a question."""
        with translated():
            return [question.row(*row) for row in self._db.execute(question.text, values)]

    def outbox_depth(self) -> int:
        """Return how many entries wait to be forwarded."""
        with translated():
            return int(self._db.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def entries(self) -> Iterator[ChainedEntry]:
        """Yield every entry of every ledger here, by ledger and seq."""
        with translated():
            for row in self._db.execute(
                # Whoever edits the file by hand may leave text where bytes were.
                "SELECT ledger_id, seq, CAST(body AS BLOB), CAST(hash AS BLOB) FROM entry"
                " ORDER BY ledger_id, seq"
            ):
                yield ChainedEntry(*row)

    def cached(self) -> Iterator[tuple[str, tuple[str | int, ...], int]]:
        """Yield every cached figure as (table, key, value)."""
        with translated():
            for table, query in _CACHED:
                for *key, value in self._db.execute(query):
                    yield table, tuple(key), value

    def close(self) -> None:
        """Close the connection."""
        self._opened.close()


def _row(struct: object) -> tuple[object, ...]:
    # Struct fields stand in the order of the columns; enums are stored as their text.
    return tuple(getattr(struct, name) for name in struct.__struct_fields__)  # type: ignore[attr-defined]


def _sale(row: tuple[str, str, str, str, bytes]) -> SaleRow:
    sale_id, state, account, until, body = row
    return SaleRow(sale_id, SaleState(state), account, until, body)
