"""Rows of cards by the thousand: batches, what waits to become a card, acts, who got which."""

import msgspec

from daemon.base.ids import AccountId, CardId, LedgerId


class BatchRow(msgspec.Struct, frozen=True):
    """Cards that were made together, numbered from 0.

    batch:      ``B-2026-0007``. made_at: RFC 3339. until: the cards', as of a CardRow.
    count:      how many there will be; made: how many there are. Until both are the same the till
                of ``ledger_id`` goes on by itself, whatever ended it.
    total_cost: of all, in minor units; vat_bp: of the tax that came on top.
    book:       the account that they are kept on: 10 or 41.
    numbers:    the range that they are drawn from; "" where the printer's numbers wait as
                ``upload``.
    """

    batch: str
    made_at: str
    by: str
    kind: str
    issuer: str
    count: int
    total_cost: int
    vat_bp: int
    book: str
    supplier: str
    document: str
    until: str
    numbers: str
    upload: str
    ledger_id: LedgerId
    made: int = 0

    def cost_of(self, index: int) -> int:
        """Return what one card has cost: all of them come to the total, to the last unit."""
        total, count = self.total_cost, self.count
        return (index + 1) * total // count - index * total // count


class StagedRow(msgspec.Struct, frozen=True):
    """A number of the printer's that waits to become a card; nobody else gets it meanwhile.

    upload: the request that brings it, under its ledger. position: in the file, from 0.
    """

    upload: str
    position: int
    number: str


class ActRow(msgspec.Struct, frozen=True):
    """A numbered paper about cards.

    act:      ``A-2026-000012``. kind: its letter. made_at: RFC 3339. state: ``final`` or ``void``.
    company:  whose numbers they are. store: where it was made.
    count, total: of its cards, and their cost in minor units.
    head:     the hash, in hex, of the ledger's entry before the act's own.
    contents: packed JSON of `accounts.act_contents.ActContents`; names: of ``ActNames``.
    """

    act: str
    company: str
    kind: str
    made_at: str
    by: str
    state: str
    store: str
    count: int
    total: int
    head: str
    contents: bytes
    names: bytes


class CardIssueRow(msgspec.Struct, frozen=True):
    """How a card came to its customer.

    day, minute: local (ordinal, 0 to 1439). condition: what it was given for: ``free``, …
    price, cost: in minor units. act: the write-off that it stands on, or "".
    """

    card_id: CardId
    day: int
    minute: int
    account: AccountId
    by: str
    store: str
    condition: str
    cost: int
    price: int = 0
    sale_id: str = ""
    act: str = ""


class IssuedCard(msgspec.Struct, frozen=True):
    """A card that was issued, with its number. Only read."""

    number: str
    issue: CardIssueRow
