"""What statements of every kind have in common: numbers without gaps, periods, states, entries.

    issued → part_paid → paid        issued → void, as long as nothing is paid

``S`` tells a partner what it has earned, ``L`` another company what an alliance owes. Each has a
row of numbers of its own for a company and a year, and one row of the same table; the row says
whose it is by an account, or by what no account is called: ``@alliance:acme``.
"""

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from daemon.accounts.act_contents import ActOffice
from daemon.base.ids import NO_ACCOUNT, AccountId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import read_day
from daemon.ledger.entries import CounterMove, Entry
from daemon.ledger.storage.partner_queries import STATEMENT
from daemon.ledger.storage.partner_rows import StatementRow
from daemon.ledger.storage.rows import too_new
from daemon.ledger.storage.store import Store

ISSUED, PART_PAID, PAID, VOID = "issued", "part_paid", "paid", "void"
LINES_MAX = 500
"""Lines of a statement in one answer."""
_NO_ACCOUNT = "@"


def told_period(first: str, last: str, today: date) -> tuple[date, date]:
    """Return a period of local days that is over. Raises ParamError."""
    begins, ends = read_day(first, "from"), read_day(last, "to")
    if begins > ends:
        raise ParamError("to", f"{ends} is before {begins}; turn them round")
    if ends >= today:
        raise ParamError("to", f"{ends} is not over yet; say a day before {today}")
    return begins, ends


def check_untold(rows: Iterable[StatementRow], first: date, last: date) -> None:
    """Raise ParamError where one of the statements of somebody tells of these days already."""
    for row in rows:
        overlaps = row.first <= last.toordinal() and first.toordinal() <= row.last
        if row.state != VOID and overlaps:
            days = f"{date.fromordinal(row.first)} to {date.fromordinal(row.last)}"
            raise ParamError("from", f"{number_told(row)} tells of {days} already")


def next_number(store: Store, office: ActOffice, letter: str, year: int) -> tuple[str, CounterMove]:
    """Return the next number of a company's row and year, and the move that takes it."""
    row = f"{letter}:" if letter != "S" else ""
    counter = f"@statement:{row}{office.company}:{year}"
    number = store.counters([counter]).get(counter, 0) + 1
    return f"{letter}-{year}-{number:06d}", CounterMove(counter, 1)


def statement_named(store: Store, office: ActOffice, number: str, letter: str) -> StatementRow:
    """Return a statement of this company and kind. Raises ParamError."""
    told = number.strip().upper()
    row = store.ask_one(STATEMENT, office.key(told)) if told.startswith(f"{letter}-") else None
    if row is None:
        raise ParamError("statement", f"{number!r} is none; write such as {letter}-2026-000007")
    return row


def made_void(row: StatementRow) -> StatementRow:
    """Return a statement as void. Raises ParamError; RefusedError NOT_UNDOABLE once paid."""
    if row.state == VOID:
        raise ParamError("statement", f"{number_told(row)} is void already")
    if row.state != ISSUED:
        raise RefusedError(
            ErrorCode.NOT_UNDOABLE, "Something of this statement is paid; it stays as it is."
        )
    return msgspec.structs.replace(row, state=VOID)


def check_payable(row: StatementRow, *, is_left: bool) -> None:
    """Raise ParamError for a statement of which nothing is left to pay."""
    if row.state == VOID:
        raise ParamError("statement", f"{number_told(row)} is void")
    if not is_left:
        what = "is paid already" if row.state == PAID else "has nothing to pay"
        raise ParamError("statement", f"{number_told(row)} {what}")


def number_told(row: StatementRow) -> str:
    """Return the number as it is told; the row's is unique among companies."""
    return row.number.partition(" ")[0]


def amounts_of(text: str) -> dict[str, int]:
    """Return what is payable or paid, by what a kind of statement calls its parts.

    Raises: RefusedError TOO_NEW.
    """
    try:
        return msgspec.json.decode(text, type=dict[str, int])
    except msgspec.DecodeError as error:
        raise too_new(error) from error


def amounts_kept(amounts: dict[str, int]) -> str:
    """Return amounts as a row keeps them."""
    return msgspec.json.encode(amounts).decode()


def statement_entry(
    at: str,
    row: StatementRow,
    detail: Mapping[str, object],
    *moves: CounterMove,
    kind: str = "statement",
) -> Entry:
    """Return the entry of what happened to a statement."""
    is_account = not row.partner.startswith(_NO_ACCOUNT)
    return Entry(
        at=at,
        kind=kind,
        ref=number_told(row),
        account=AccountId(row.partner) if is_account else NO_ACCOUNT,
        counters=moves,
        detail=msgspec.Raw(msgspec.json.encode(detail)),
    )
