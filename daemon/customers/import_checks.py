"""Rows of a table while they come: read, held to all that is known, and kept until they are wanted.

Each page is checked and kept in one transaction. What stands once is kept beside the rows: a card,
a telephone, an e-mail and an account are in one row of a file only, and a card's number is
reserved, so that no till and no batch gives it to somebody else while the table waits.

    row 2   Olha   +380671234567   2900000000018    new; number and telephone are kept
    row 3   Petro  +380671234567                    bad: "phone: is in row 2 already"
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from card_formats.bank_card import PAN_DIGITS_MIN, holds_bank_card
from card_formats.number_ranges import NumberRange
from daemon.base.ids import AccountId
from daemon.base.refusals import ParamError, RefusedError
from daemon.customers.import_columns import ImportedRow, Known, Problem, problem, read_row
from daemon.customers.import_people import ImportPeople, Made, Upload
from daemon.customers.import_terms import ImportLine
from daemon.customers.questionnaire import PERSONAL_DATA
from daemon.ledger.storage.card_rows import StagedRow
from daemon.ledger.storage.import_queries import keys_staged
from daemon.ledger.storage.import_rows import ImportKeyRow, ImportLineRow
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER
from daemon.ledger.storage.store import Change, KeptRow, Store

PHONE_DIGITS_MIN = 16
"""Of a bank card's number among telephones, which have up to 15 (ITU-T E.164)."""
ACCOUNT = "account"
WAITS, BAD = "waits", "bad"


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A row that waits. ``known``: whose it was when it was checked, or "" of a new customer."""

    row: ImportedRow
    known: AccountId


class Table(NamedTuple):
    """What is known of a table before its rows come."""

    headings: tuple[str, ...]
    columns: tuple[str, ...]
    known: Known
    update: bool


class PageChecked(NamedTuple):
    """How many rows of a page are what."""

    new: int
    changed: int
    bad: int


class RowChecks:
    """Checks pages of rows. ``own``: the shop's card numbers, which are no bank cards'."""

    def __init__(self, people: ImportPeople, own: tuple[NumberRange, ...]) -> None:
        self._people = people
        self._own = own

    def stage(
        self, store: Store, table: Table, upload: Upload, start: int, lines: Sequence[ImportLine]
    ) -> PageChecked:
        """Check rows and keep them, good and bad."""
        page = _Page(store, table, upload)
        read = [self._read(table, line, upload) for line in lines]
        page.look_up(self._people.keys(row) for row, problems in read if not problems)
        rows = list[KeptRow]()
        for position, (line, (row, problems)) in enumerate(
            zip(lines, read, strict=True), start=start
        ):
            if not problems:
                problems = self._place(page, row, line)
            rows += page.kept(position, line, row, problems)
        store.write(Change(rows=tuple(rows)))
        return PageChecked(page.new, page.changed, page.bad)

    def _read(
        self, table: Table, line: ImportLine, upload: Upload
    ) -> tuple[ImportedRow, list[Problem]]:
        for n, cell in enumerate(line.cells):
            target = table.columns[n] if n < len(table.columns) else ""
            least = PHONE_DIGITS_MIN if target == "phone" else PAN_DIGITS_MIN
            if holds_bank_card(cell, self._own, least):
                what = "looks like a bank card's number; nothing of it is kept"
                return ImportedRow(), [Problem(_heading(table, n), "", what)]
        row, problems = read_row(table.headings, table.columns, line.cells, table.known)
        kept, wrong = self._people.as_kept(row, upload.asked)
        problems += [_problem(table, line, error) for error in wrong]
        return kept, problems

    def _place(self, page: "_Page", row: ImportedRow, line: ImportLine) -> list[Problem]:
        """Find out what would be made of a row that can be read; return what stands against it."""
        try:
            keys = self._people.keys(row)
            page.check_once(keys)
            known = self._people.known(page.store, row)
            if known is not None:
                keys |= {ACCOUNT: known}
                page.check_once({ACCOUNT: known})
                page.check_may_change(known, next(iter(keys)))
            page.take(line, keys, self._people.made(page.store, row, line.row, page.upload))
        except ParamError as error:
            return [_problem(page.table, line, error)]
        except RefusedError as refusal:
            return [_problem(page.table, line, ParamError("card", refusal.detail))]
        return []


class _Page:
    """A page while it is checked: what stands once in it and before it."""

    def __init__(self, store: Store, table: Table, upload: Upload) -> None:
        self.store, self.table, self.upload = store, table, upload
        self.new = self.changed = self.bad = 0
        self._lines: dict[tuple[str, str], int] = {}
        self._last: tuple[dict[str, str], Made] | None = None

    def look_up(self, keys: Iterator[dict[str, str]]) -> None:
        """Ask once for all that the page's rows have, kind by kind."""
        values: defaultdict[str, set[str]] = defaultdict(set)
        for some in keys:
            for kind, value in some.items():
                values[kind].add(value)
        for kind, several in values.items():
            self._ask(kind, tuple(sorted(several)))

    def _ask(self, kind: str, values: tuple[str, ...]) -> None:
        question = keys_staged(len(values))
        for row in self.store.ask(question, self.upload.name, kind, *values):
            self._lines[kind, row.value] = row.line

    def check_once(self, keys: dict[str, str]) -> None:
        """Raise ParamError for what an earlier row has already."""
        for kind, value in keys.items():
            if kind == ACCOUNT and (kind, value) not in self._lines:
                self._ask(kind, (value,))
            if (kind, value) in self._lines:
                what = "is of the customer of" if kind == ACCOUNT else "is in"
                where = f"{what} row {self._lines[kind, value]} already"
                raise ParamError("card" if kind == ACCOUNT else kind, where)

    def check_may_change(self, account: AccountId, path: str) -> None:
        """Raise ParamError for a customer who is there already, where none are to be changed."""
        if not self.table.update:
            raise ParamError(
                path, f"is a customer's already: {account}; an update changes who is there"
            )

    def take(self, line: ImportLine, keys: dict[str, str], made: Made) -> None:
        """Keep what a good row has, so that no other row has it."""
        for kind, value in keys.items():
            self._lines[kind, value] = line.row
        self._last = keys, made

    def kept(
        self, position: int, line: ImportLine, row: ImportedRow, problems: list[Problem]
    ) -> Iterator[KeptRow]:
        """Yield the rows that are kept of a row that was just checked."""
        name = self.upload.name
        if problems or self._last is None:
            self.bad += 1
            said = msgspec.json.encode(problems).decode()
            yield ImportLineRow(name, position, line.row, BAD, said)
            return
        (keys, made), self._last = self._last, None
        known = made.account if made.before else AccountId("")
        self.changed += bool(known)
        self.new += not known
        said = msgspec.json.encode(Waiting(row=row, known=known)).decode()
        yield ImportLineRow(name, position, line.row, WAITS, said)
        for kind, value in keys.items():
            yield ImportKeyRow(name, kind, value, line.row)
        if row.card and not (known and self._has_card(row.card)):
            yield StagedRow(name, position, row.card)

    def _has_card(self, number: str) -> bool:
        card = self.store.ask_one(CARD_BY_IDENTIFIER, "number", number)
        return card is not None and bool(card.account)


def _heading(table: Table, n: int) -> str:
    return table.headings[n] if n < len(table.headings) else ""


def _problem(table: Table, line: ImportLine, error: ParamError) -> Problem:
    """Return what is wrong in the words of the table: by the column's heading."""
    path = error.path.removeprefix("profile.").removeprefix("answers.")
    if path in ("consents", "consents_at") and path not in table.columns:
        path = next((one for one in table.columns if one.startswith("consent.")), path)
    if path == "consents" and path not in table.columns:
        column = f"consent.{PERSONAL_DATA}"
        what = f"needs a column {column} with yes or the day: without it nobody may be kept"
        return Problem("", "", what)
    if path not in table.columns:
        return Problem("", "", f"{path}: {error.message}")
    n = table.columns.index(path)
    cell = line.cells[n] if n < len(line.cells) else ""
    return problem(_heading(table, n), cell, error.message)
