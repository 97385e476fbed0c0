"""What an act says, and how it is written down: numbered papers about cards.

    R  receipt      a batch came from its supplier
    A  acceptance   cards go from the store room to a person or a store, or back
    W  write-off    cards that were issued to customers
    D  disposal     cards that were spoilt or lost before anybody got one

A number is given in the transaction that writes the act, one row of them for each kind, company and
calendar year: none is ever missing. An act is final; one that is void keeps its number and all that
it says.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from daemon.base.approval import Signed
from daemon.base.business_day import BusinessDays
from daemon.base.clock import rfc3339
from daemon.base.ids import AccountId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.entries import CounterMove, Entry
from daemon.ledger.storage.card_queries import BATCH
from daemon.ledger.storage.card_rows import ActRow, BatchRow
from daemon.ledger.storage.packing import packed, unpacked
from daemon.ledger.storage.queries import HEAD
from daemon.ledger.storage.rows import CardRow, too_new
from daemon.ledger.storage.store import Change, Store

ActKind: TypeAlias = Literal["R", "A", "W", "D"]
ACT_CARDS_MAX = 10_000
"""Cards of one act, but for a receipt, which names its batch. More are refused whole."""


class ActLine(msgspec.Struct, frozen=True, array_like=True):
    """A card on an act, as it was before; of a write-off, how its customer got it.

    cost: in minor units. day, minute: local (ordinal, 0 to 1439).
    """

    number: str
    cost: int
    state: str
    act: str = ""
    day: int = 0
    minute: int = 0
    account: AccountId = AccountId("")
    by: str = ""
    condition: str = ""


class ActContents(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an act says of cards. ``first``, ``last``: days (ordinal) of a write-off.

    for_store: the store that cards went to, or "".
    """

    lines: tuple[ActLine, ...] = ()
    batch: str = ""
    supplier: str = ""
    document: str = ""
    vat_bp: int = 0
    reason: str = ""
    first: int = 0
    last: int = 0
    for_store: str = ""


class ActNames(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whom an act names: ``to`` whom cards went, and customers by account."""

    to: str = ""
    recipients: dict[AccountId, str] = {}


class ActOffice(msgspec.Struct, frozen=True):
    """Who makes acts here: the company whose numbers they have, and the store.

    stores: of the company; none are all that there are.
    """

    company: str
    store: str
    stores: tuple[str, ...] = ()

    def key(self, act: str) -> str:
        """Return what a card says of the act that it was handed out by."""
        return f"{act} {self.company}"

    def counter(self, kind: ActKind, year: int) -> str:
        """Return the counter of the acts of a kind and a year."""
        return f"@act:{kind}:{self.company}:{year}"

    def drawn_up(
        self,
        store: Store,
        kind: ActKind,
        now: datetime,
        days: BusinessDays,
        by: str,
        contents: ActContents,
        names: ActNames,
    ) -> tuple[ActRow, CounterMove]:
        """Return the next act of a kind, and the move that gives it its number."""
        year = days.day_of(now).year
        counter = self.counter(kind, year)
        number = store.counters([counter]).get(counter, 0) + 1
        head = store.ask_one(HEAD, store.ledger_id)
        lines = contents.lines
        row = ActRow(
            *(f"{kind}-{year}-{number:06d}", self.company, kind, rfc3339(now), by, "final"),
            *(self.store, len(lines), sum(line.cost for line in lines)),
            head[1].hex() if head else "",
            packed(msgspec.json.encode(contents)),
            packed(msgspec.json.encode(names)),
        )
        return row, CounterMove(counter, 1)


def act_said(row: ActRow, event: str, by: str, numbers: Iterable[str]) -> dict[str, object]:
    """Return what the entry of an act says: no name but the operator's."""
    return {
        "event": event,
        "act": row.act,
        "company": row.company,
        "by": by,
        "store": row.store,
        "count": row.count,
        "total": row.total,
        "sha256": digest(numbers),
    }


def act_entry(row: ActRow, at: str, said: dict[str, object], *moves: CounterMove) -> Entry:
    """Return the entry of an act."""
    detail = msgspec.Raw(msgspec.json.encode(said))
    return Entry(at=at, kind="act", ref=row.act, counters=moves, detail=detail)


def approved(entry: Entry, signed: Signed) -> Entry:
    """Return an entry that says who has approved it, too."""
    if not signed.approved:
        return entry
    said = msgspec.json.decode(entry.detail) | signed.approved
    return msgspec.structs.replace(entry, detail=msgspec.Raw(msgspec.json.encode(said)))


def contents_of(row: ActRow) -> ActContents:
    """Return what an act says. Raises RefusedError TOO_NEW."""
    try:
        return msgspec.json.decode(unpacked(row.contents), type=ActContents)
    except msgspec.DecodeError as error:
        raise too_new(error) from error


def names_of(row: ActRow) -> ActNames:
    """Return whom an act names. Raises RefusedError TOO_NEW."""
    try:
        return msgspec.json.decode(unpacked(row.names), type=ActNames)
    except msgspec.DecodeError as error:
        raise too_new(error) from error


def lines_of(store: Store, cards: Iterable[CardRow]) -> tuple[ActLine, ...]:
    """Return cards as they stand on an act, with what each has cost."""
    batches: dict[str, BatchRow | None] = {"": None}
    lines = []
    for card in cards:
        if card.batch not in batches:
            batches[card.batch] = store.ask_one(BATCH, card.batch)
        batch = batches[card.batch]
        cost = batch.cost_of(card.batch_index) if batch else 0
        lines.append(ActLine(card.number, cost, card.state, card.act))
    return tuple(lines)


def disposal(
    store: Store,
    office: ActOffice,
    now: datetime,
    days: BusinessDays,
    cards: Sequence[CardRow],
    by: str,
    reason: str,
) -> tuple[Change, ActRow]:
    """Write off cards that nobody got. Raises RefusedError CARD_BLOCKED for one of a customer's."""
    for card in cards:
        if card.state not in ("stock", "handed_out"):
            state = card.state.replace("_", " ")
            raise RefusedError(
                ErrorCode.CARD_BLOCKED,
                f"Card {card.number} is {state}: neither in stock nor handed out.",
            )
    lines = lines_of(store, cards)
    contents = ActContents(lines=lines, reason=reason)
    row, number = office.drawn_up(store, "D", now, days, by, contents, ActNames())
    gone = tuple(msgspec.structs.replace(card, state="written_off") for card in cards)
    said = act_said(row, "write_off", by, (line.number for line in lines))
    entry = act_entry(row, row.made_at, said | {"reason": reason}, number)
    return Change(entry=entry, rows=(row, *gone)), row


def digest(numbers: Iterable[str]) -> str:
    """Return the SHA-256, in hex, of numbers as a printer's file has them, one a line."""
    return hashlib.sha256("".join(f"{one}\n" for one in numbers).encode()).hexdigest()
