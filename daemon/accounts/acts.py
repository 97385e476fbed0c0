"""Acts about cards: made, made void, shown. See `act_contents` for what they are."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from daemon.accounts.act_contents import (
    ACT_CARDS_MAX,
    ActContents,
    ActKind,
    ActLine,
    ActNames,
    ActOffice,
    act_entry,
    act_said,
    approved,
    contents_of,
    disposal,
    lines_of,
    names_of,
)
from daemon.accounts.card_lifecycle import next_state
from daemon.accounts.cards import Cards, profile_in
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.business_day import BusinessDays
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId
from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import IdText, RequestId, SaidText, Text, read_day
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.card_queries import (
    ACT,
    ACTS,
    BATCH,
    CARD_ISSUE,
    CARDS_NUMBERED,
    ISSUED_UNWRITTEN,
    ISSUED_UNWRITTEN_ANYWHERE,
    STOCK_OF_BATCH,
    TOGETHER_MAX,
    filled_up,
)
from daemon.ledger.storage.card_rows import ActRow, IssuedCard
from daemon.ledger.storage.queries import CUSTOMER
from daemon.ledger.storage.rows import CardRow
from daemon.ledger.storage.store import Change, KeptRow, Store, View

ANONYMOUS = "anonymous"
Numbers = Annotated[tuple[IdText, ...], msgspec.Meta(max_length=ACT_CARDS_MAX)]


class HandOutTerms(Approvable, frozen=True, kw_only=True):
    """Cards that leave the store room: ``numbers``, or all of ``batch`` that are in stock.

    to, store: who gets them: a person, a partner's code; a store. With neither they come back, and
               ``reason`` says why.
    """

    request_id: RequestId
    batch: IdText = ""
    numbers: Numbers = ()
    to: Text = ""
    store: Text = ""
    by: SaidText
    reason: Text = ""

    def __post_init__(self) -> None:
        if bool(self.batch) == bool(self.numbers):
            raise ValueError("give a batch or numbers, one of them")


class MakeActTerms(Approvable, frozen=True, kw_only=True):
    """``W``: what was issued in ``store``, or any of the company's, from one local day to another.

    ``D``: the cards with these ``numbers``, which nobody got; ``reason`` says why.
    """

    request_id: RequestId
    kind: Literal["W", "D"]
    from_: Text = msgspec.field(default="", name="from")
    to: Text = ""
    store: Text = ""
    numbers: Numbers = ()
    by: SaidText
    reason: Text = ""


class VoidActTerms(Approvable, frozen=True, kw_only=True):
    """An act that was wrong."""

    request_id: RequestId
    act: IdText
    by: SaidText
    reason: SaidText


class ShowActTerms(Params, frozen=True, kw_only=True):
    """An act, and its cards from the one with this index on."""

    act: IdText
    start: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=TOGETHER_MAX)] = TOGETHER_MAX


class ListActsTerms(Params, frozen=True, kw_only=True):
    """Acts of a kind behind ``after``, in the order of their numbers."""

    kind: ActKind
    after: IdText = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100


class ActDone(msgspec.Struct, frozen=True, kw_only=True):
    """An act as it now is. ``total`` in minor units."""

    act: str
    state: str
    count: int
    total: int
    replayed: bool = False


class ActHead(msgspec.Struct, frozen=True, kw_only=True):
    """An act without its cards. ``made_at``: RFC 3339. ``head``: of the ledger before it, hex."""

    act: str
    company: str
    kind: str
    made_at: str
    by: str
    state: str
    store: str
    to: str
    count: int
    total: int
    head: str


class ActShownLine(msgspec.Struct, frozen=True, kw_only=True):
    """A card of an act; of a write-off, when, to whom, by whom and for what it was issued."""

    number: str
    cost: int
    day: str
    minute: int
    recipient: str
    by: str
    condition: str


class ActShown(ActHead, frozen=True, kw_only=True):
    """An act. ``for_store``: that got the cards. ``first``, ``last``: the days of a write-off."""

    day: str
    for_store: str
    batch: str
    supplier: str
    document: str
    vat_bp: int
    reason: str
    first: str
    last: str
    lines: tuple[ActShownLine, ...]


class ActList(msgspec.Struct, frozen=True):
    """Some acts."""

    acts: tuple[ActHead, ...]


class CardActs:
    """Makes acts and shows them. ``days`` says the shop's."""

    def __init__(
        self,
        ledger: Ledger,
        cards: Cards,
        clock: Clock,
        days: Callable[[], BusinessDays],
        office: Callable[[], ActOffice],
    ) -> None:
        self._ledger = ledger
        self._cards = cards
        self._clock = clock
        self._days = days
        self._office = office

    async def hand_out(
        self, key: RequestKey, terms: HandOutTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Hand cards out by an act, or take them back, once.

        Raises: RefusedError CARD_UNKNOWN, CARD_BLOCKED for a card that is not where it comes from,
                LIMIT_REACHED, NEEDS_OVERRIDE for cards that come back without a reason.
        """
        event = "hand_out" if terms.to or terms.store else "take_back"
        if event == "take_back" and not terms.reason.strip():
            raise RefusedError(
                ErrorCode.NEEDS_OVERRIDE, "Say who answers for this, and why: by and reason."
            )

        def job(store: Store, now: datetime) -> tuple[Change, ActDone]:
            cards = self._of(store, terms.batch, terms.numbers)
            lines = lines_of(store, cards)
            states = [next_state(card, event) for card in cards]
            contents = ActContents(
                lines=lines, batch=terms.batch, reason=terms.reason, for_store=terms.store
            )
            office, names = self._office(), ActNames(to=terms.to)
            row, number = office.drawn_up(store, "A", now, self._days(), terms.by, contents, names)
            act = office.key(row.act) if event == "hand_out" else ""
            changed = tuple(
                msgspec.structs.replace(card, state=state, act=act)
                for card, state in zip(cards, states, strict=True)
            )
            said = act_said(row, event, terms.by, (line.number for line in lines))
            entry = act_entry(row, row.made_at, said | {"reason": terms.reason}, number)
            return Change(entry=entry, rows=(row, *changed)), _done(row)

        return await self._once(key, job, signed)

    async def make(
        self, key: RequestKey, terms: MakeActTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Write off what was issued, or dispose of what nobody got, once.

        Raises: ParamError; RefusedError CARD_UNKNOWN where there is nothing to write off, or a card
                is not known, CARD_BLOCKED where somebody has it, LIMIT_REACHED, NEEDS_OVERRIDE.
        """
        if terms.kind == "D":
            return await self._once(
                key, lambda store, now: self._disposed(store, now, terms), signed
            )
        first = read_day(terms.from_, "from").toordinal()
        last = read_day(terms.to, "to").toordinal()
        period = (first, last)
        return await self._once(
            key, lambda store, now: self._written(store, now, terms, period), signed
        )

    async def void(
        self, key: RequestKey, terms: VoidActTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Make an act void, once: its cards go back to where they were.

        Raises: RefusedError CARD_UNKNOWN for no such act; NOT_UNDOABLE where it is void, is a
                receipt, or something happened to a card of it since; that card is named.
        """

        def job(store: Store, now: datetime) -> tuple[Change, ActDone]:
            row = self._act(store, terms.act)
            if row.state != "final":
                raise RefusedError(ErrorCode.NOT_UNDOABLE, f"Act {row.act} is void already.")
            lines = contents_of(row).lines
            rows: Iterable[KeptRow] = self._put_back(store, row, lines)
            voided = msgspec.structs.replace(row, state="void")
            said = act_said(voided, "void", terms.by, (line.number for line in lines))
            entry = act_entry(voided, rfc3339(now), said | {"reason": terms.reason})
            return Change(entry=entry, rows=(voided, *rows)), _done(voided)

        return await self._once(key, job, signed)

    async def show(self, terms: ShowActTerms) -> ActShown:
        """Show an act. Raises RefusedError CARD_UNKNOWN."""
        row = await self._ledger.read(lambda store: self._act(store, terms.act))
        contents, names, days = contents_of(row), names_of(row), self._days()
        some = contents.lines[terms.start :][: terms.limit]
        return ActShown(
            **msgspec.structs.asdict(_head(row, names)),
            for_store=contents.for_store,
            day=str(days.day_of(datetime.fromisoformat(row.made_at))),
            batch=contents.batch,
            supplier=contents.supplier,
            document=contents.document,
            vat_bp=contents.vat_bp,
            reason=contents.reason,
            first=_day(contents.first),
            last=_day(contents.last),
            lines=tuple(_shown(line, names, row.kind) for line in some),
        )

    async def list_acts(self, terms: ListActsTerms) -> ActList:
        """List acts of this company."""
        company = self._office().company
        rows = await self._ledger.read(
            lambda store: store.ask(ACTS, company, terms.kind, terms.after, terms.limit)
        )
        return ActList(tuple(_head(row, names_of(row)) for row in rows))

    # What acts are made of.

    async def _once(
        self,
        key: RequestKey,
        job: Callable[[Store, datetime], tuple[Change, ActDone]],
        signed: Signed,
    ) -> msgspec.Raw:
        now = self._clock.now()

        def run(store: Store, view: View) -> tuple[Change, ActDone]:
            change, done = job(store, now)
            assert change.entry is not None
            return msgspec.structs.replace(change, entry=approved(change.entry, signed)), done

        return await self._ledger.once(key, rfc3339(now), run)

    def _written(
        self, store: Store, now: datetime, terms: MakeActTerms, period: tuple[int, int]
    ) -> tuple[Change, ActDone]:
        office = self._office()
        if terms.store:
            office = msgspec.structs.replace(office, store=terms.store)
            issued = store.ask(ISSUED_UNWRITTEN, *period, terms.store, ACT_CARDS_MAX + 1)
        else:
            issued = store.ask(ISSUED_UNWRITTEN_ANYWHERE, *period, ACT_CARDS_MAX + 1)
        _check_count(len(issued))
        issued = [one for one in issued if one.issue.store in (office.stores or [one.issue.store])]
        if not issued:
            raise RefusedError(ErrorCode.CARD_UNKNOWN, "No card was issued then that is left.")
        names = ActNames(recipients=_recipients(store, issued))
        lines = tuple(_written_line(one) for one in issued)
        contents = ActContents(lines=lines, first=period[0], last=period[1], reason=terms.reason)
        row, number = office.drawn_up(store, "W", now, self._days(), terms.by, contents, names)
        act = office.key(row.act)
        said = act_said(row, "made", terms.by, (line.number for line in lines))
        entry = act_entry(row, row.made_at, said | {"reason": terms.reason}, number)
        rows = tuple(msgspec.structs.replace(one.issue, act=act) for one in issued)
        return Change(entry=entry, rows=(row, *rows)), _done(row)

    def _disposed(self, store: Store, now: datetime, terms: MakeActTerms) -> tuple[Change, ActDone]:
        if not terms.reason.strip():
            raise RefusedError(
                ErrorCode.NEEDS_OVERRIDE, "Say who answers for this, and why: by and reason."
            )
        if not terms.numbers:
            raise ParamError("numbers", "name the cards")
        cards = self._of(store, "", terms.numbers)
        change, row = disposal(
            store, self._office(), now, self._days(), cards, terms.by, terms.reason
        )
        return change, _done(row)

    def _of(self, store: Store, batch: str, numbers: Sequence[str]) -> list[CardRow]:
        """Return cards by their numbers, or those of a batch that are in stock."""
        if batch:
            if store.ask_one(BATCH, batch) is None:
                raise RefusedError(ErrorCode.CARD_UNKNOWN, f"There is no batch {batch}.")
            cards = store.ask(STOCK_OF_BATCH, batch, ACT_CARDS_MAX + 1)
            if not cards:
                raise RefusedError(ErrorCode.CARD_UNKNOWN, f"No card of {batch} is in stock.")
            _check_count(len(cards))
            return cards
        own: dict[str, int] = {}
        for index, text in enumerate(numbers):
            number = self._cards.identifier(text)[1]
            if number in own:
                raise ParamError(f"numbers[{index}]", f"stands in numbers[{own[number]}] already")
            own[number] = index
        return _numbered(store, tuple(own))

    def _act(self, store: Store, act: str) -> ActRow:
        row = store.ask_one(ACT, act, self._office().company)
        if row is None:
            raise RefusedError(ErrorCode.CARD_UNKNOWN, f"There is no act {act}.")
        return row

    def _put_back(self, store: Store, row: ActRow, lines: tuple[ActLine, ...]) -> Iterable[KeptRow]:
        """Return the rows of an act's cards as they were before it."""
        if row.kind == "R":
            raise RefusedError(
                ErrorCode.NOT_UNDOABLE, f"Act {row.act} stands as long as its cards are there."
            )
        cards = {card.number: card for card in _numbered(store, [line.number for line in lines])}
        key = self._office().key(row.act)
        if row.kind == "W":
            issues = (store.ask_one(CARD_ISSUE, card.card_id) for card in cards.values())
            return [
                msgspec.structs.replace(one, act="") for one in issues if one and one.act == key
            ]
        rows = []
        for line in lines:
            card = cards[line.number]
            left = ("written_off", line.act) if row.kind == "D" else ("handed_out", key)
            if row.kind == "A" and line.state == "handed_out":
                left = ("stock", "")
            if (card.state, card.act) != left:
                raise RefusedError(
                    ErrorCode.NOT_UNDOABLE,
                    f"Card {card.number} has changed since act {row.act}.",
                    extra={"card": card.number},
                )
            rows.append(msgspec.structs.replace(card, state=line.state, act=line.act))
        return rows


def _numbered(store: Store, numbers: Sequence[str]) -> list[CardRow]:
    found: dict[str, CardRow] = {}
    for start in range(0, len(numbers), TOGETHER_MAX):
        some = tuple(numbers[start : start + TOGETHER_MAX])
        found |= {card.number: card for card in store.ask(CARDS_NUMBERED, *filled_up(some))}
    for number in numbers:
        if number not in found:
            raise RefusedError(ErrorCode.CARD_UNKNOWN, f"No card {number} was issued here.")
    return [found[number] for number in numbers]


def _recipients(store: Store, issued: Iterable[IssuedCard]) -> dict[AccountId, str]:
    names = {}
    for account in {one.issue.account for one in issued}:
        row = store.ask_one(CUSTOMER, account)
        if row is not None and (name := profile_in(row.profile).name):
            names[account] = name
    return names


def _written_line(one: IssuedCard) -> ActLine:
    issue = one.issue
    return ActLine(
        one.number,
        issue.cost,
        "active",
        day=issue.day,
        minute=issue.minute,
        account=issue.account,
        by=issue.by,
        condition=issue.condition,
    )


def _check_count(count: int) -> None:
    if count > ACT_CARDS_MAX:
        raise RefusedError(
            ErrorCode.LIMIT_REACHED, f"An act has at most {ACT_CARDS_MAX} cards; make several."
        )


def _done(row: ActRow) -> ActDone:
    return ActDone(act=row.act, state=row.state, count=row.count, total=row.total)


def _head(row: ActRow, names: ActNames) -> ActHead:
    known = {name: getattr(row, name) for name in ActHead.__struct_fields__ if name != "to"}
    return ActHead(**known, to=names.to)


def _shown(line: ActLine, names: ActNames, kind: str) -> ActShownLine:
    recipient = names.recipients.get(line.account, ANONYMOUS) if kind == "W" else ""
    return ActShownLine(
        number=line.number,
        cost=line.cost,
        day=_day(line.day),
        minute=line.minute,
        recipient=recipient,
        by=line.by,
        condition=line.condition,
    )


def _day(ordinal: int) -> str:
    return str(date.fromordinal(ordinal)) if ordinal else ""
