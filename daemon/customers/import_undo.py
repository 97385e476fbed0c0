"""A row of an import taken back: the mirror of its entry, and who it was before.

    added     the customer goes; the card is in stock, so that the number can be imported again
    changed   the customer is who they were; a card that came with the row is in stock

Only of who did nothing since: whatever an entry says of the account after the row's own (a sale, a
change, a blocked card) stands in the way, and is named. The moves are those of the entry itself,
turned round; the row beside it has no more than what no entry holds.
"""

from collections.abc import Iterator

import msgspec

from daemon.accounts.assignments import SentBy, assignment
from daemon.base.ids import NO_ACCOUNT, AccountId
from daemon.customers.import_people import Before, CardBefore, RowDone, Upload
from daemon.customers.profiles import Person, person_of
from daemon.customers.search_keys import keys_of
from daemon.ledger.entries import Entry, decode
from daemon.ledger.storage.card_queries import CARD_ISSUE
from daemon.ledger.storage.card_rows import CardIssueRow
from daemon.ledger.storage.customer_queries import (
    CONSENTS_OF,
    ENTRIES_SINCE,
    ENTRY_BODY,
    KEYS_OF,
    MERGED,
    POSTINGS_SINCE,
    PRIVATE,
)
from daemon.ledger.storage.customer_rows import ConsentRow, CustomerKeyRow, CustomerPrivateRow
from daemon.ledger.storage.friend_queries import FRIENDS_COUNTED
from daemon.ledger.storage.import_rows import ImportLineRow
from daemon.ledger.storage.partner_queries import PARTNER_BY_ACCOUNT
from daemon.ledger.storage.queries import CARD, OPERATORS_WITH
from daemon.ledger.storage.rows import CardRow, CustomerRow
from daemon.ledger.storage.store import Change, Gone, KeptRow, Store

TYPED = "typed"
"""Of entries that say how often a number was typed: nobody did anything."""
replace = msgspec.structs.replace


class StaysError(Exception):
    """The customer stays as they are. The text says why."""


def undone(store: Store, line: ImportLineRow, upload: Upload) -> Change:
    """Return what takes a row back. upload: of the import, and who undoes it.

    Raises: StaysError.
    """
    gone_by = replace(line, state="undone", before="")
    if not line.seq:  # it said what was known already
        return Change(rows=(gone_by,))
    body = store.ask_one(ENTRY_BODY, line.ledger_id, line.seq)
    assert body is not None, "its row names it"
    made = decode(body)
    _check_idle(store, line, made)
    done = msgspec.json.decode(made.detail, type=RowDone)
    rows, gone = list[KeptRow](), list[Gone]()
    for row in (*_card_back(store, done.card), *_person_back(store, line, done, upload)):
        if isinstance(row, Gone):
            gone.append(row)
        else:
            rows.append(row)
    said = {"event": "undone", "row": done.row, "by": upload.by, "entry": line.seq}
    entry = Entry(
        at=upload.at,
        kind="import",
        ref=upload.number,
        account=line.account,
        postings=tuple(replace(one, amount=-one.amount) for one in made.postings),
        lots=tuple(replace(one, amount=-one.amount) for one in made.lots),
        meters=tuple(replace(one, amount=-one.amount) for one in made.meters),
        detail=msgspec.Raw(msgspec.json.encode(said)),
    )
    return Change(entry=entry, rows=(*rows, gone_by), gone=tuple(gone))


def _check_idle(store: Store, line: ImportLineRow, made: Entry) -> None:
    """Raise StaysError with the first entry that says something of the account since."""
    if (merged := store.ask_one(MERGED, line.account)) is not None:
        raise StaysError(f"was merged into {merged.kept} since")
    if store.ask_one(PARTNER_BY_ACCOUNT, line.account) is not None:
        raise StaysError("is a partner's account since")
    if store.ask_one(OPERATORS_WITH, line.account) is not None:
        raise StaysError("is an operator's own account since")
    if not line.before and store.ask(FRIENDS_COUNTED, line.account) != [0]:
        raise StaysError("has brought somebody since")
    for question in (ENTRIES_SINCE, POSTINGS_SINCE):
        for ledger_id, seq, body in store.ask(question, line.account, made.at):
            if ledger_id == line.ledger_id and seq <= line.seq:
                continue
            entry = decode(body)
            if entry.kind != TYPED:
                raise StaysError(f"entry {seq} ({entry.kind}) has changed it since")


def _card_back(store: Store, was: CardBefore | None) -> Iterator[KeptRow | Gone]:
    if was is None:
        return
    card = store.ask_one(CARD, was.card)
    assert card is not None, "cards are never deleted"
    if was.state not in ("", "stock"):
        yield replace(card, until=was.until)
        return
    yield _in_stock(card, was)
    issued = store.ask_one(CARD_ISSUE, was.card)
    if issued is None:
        return
    if issued.act:
        raise StaysError(f"act {issued.act} has written off its card since")
    yield Gone(CardIssueRow, (was.card,))


def _in_stock(card: CardRow, was: CardBefore) -> CardRow:
    """Return a card as nobody's; one that was not there before is in stock, too."""
    kind = was.kind or card.kind
    return replace(card, account=NO_ACCOUNT, state="stock", kind=kind, until=was.until)


def _person_back(
    store: Store, line: ImportLineRow, done: RowDone, upload: Upload
) -> Iterator[KeptRow | Gone]:
    account, now = line.account, person_of(store, line.account)
    before = msgspec.json.decode(line.before, type=Before) if line.before else None
    if before is None:
        yield Gone(CustomerRow, (account,))
        for consent in store.ask(CONSENTS_OF, account):
            yield Gone(ConsentRow, (account, consent.purpose, consent.channel))
    else:
        yield CustomerRow(account, msgspec.json.encode(before.person.profile))
        yield from before.consents
        there = {(one.purpose, one.channel) for one in before.consents}
        for pair in before.spoken:
            if pair not in there:
                yield Gone(ConsentRow, (account, *pair))
    was = before.person if before else Person()
    if was.private:
        yield CustomerPrivateRow(account, msgspec.json.encode(was.private))
    elif store.ask_one(PRIVATE, account) is not None:
        yield Gone(CustomerPrivateRow, (account,))
    yield from _keys_back(store, account, now, was)
    if now.profile.partner and (done.assigned or before is None):
        sender = SentBy(was.profile.partner, was.profile.employee)
        yield assignment(account, upload.at, sender, upload.by)


def _keys_back(
    store: Store, account: AccountId, now: Person, was: Person
) -> Iterator[KeptRow | Gone]:
    """Yield the keys by which the customer was found, and take away those that came."""
    known = {(row.kind, row.value) for row in store.ask(KEYS_OF, account)}
    wanted = keys_of(was.profile)
    for key in sorted(wanted - known):
        yield CustomerKeyRow(*key, account)
    for key in sorted(keys_of(now.profile) & known - wanted):
        yield Gone(CustomerKeyRow, (*key, account))
