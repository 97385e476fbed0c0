"""The rows that a ledger keeps beside its entries: one struct a table, its fields the columns.

Each says in ``inserts.KEPT`` which table it goes to; ``queries`` reads them back. A sale's row is
``daemon.ledger.sale_rows.SaleRow``.
"""

import logging
from collections.abc import Iterable

import msgspec

from daemon.base.ids import NO_ACCOUNT, AccountId, CardId, LedgerId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.programme.names import code_counter

log = logging.getLogger(__name__)


def too_new(error: Exception) -> RefusedError:
    """Refuse what needs a row that this version does not understand: a newer one has written it."""
    log.error("a row cannot be read; a newer tillcard may have written it: %s", error)
    return RefusedError(
        ErrorCode.TOO_NEW,
        "A newer tillcard has written this, and this one cannot read it; update this till.",
    )


def damaged() -> RefusedError:
    """Refuse to sell into a ledger that is not the one that was opened, or not whole."""
    return RefusedError(
        ErrorCode.LEDGER_DAMAGED,
        "The ledger is damaged or was exchanged; nothing was written. See the till's log.",
    )


class RequestRow(msgspec.Struct, frozen=True):
    """A finished writing request. ``content`` is a SHA-256; ``answer`` the JSON, packed."""

    method: str
    request_id: str
    content: bytes
    answer: bytes
    at: str


class CardRow(msgspec.Struct, frozen=True):
    """A card. ``token`` opens its page and is kept only as a SHA-256.

    until:  when it stops being good, RFC 3339, or "".
    issuer: the company whose card it is, where several share their cards, or "".
    batch, batch_index: with which others it was made, and as which of them from 0; "" alone.
    holder: which of an account's people carries it, by first name, or "".
    act:    by which it was handed out, with the company (see `accounts.acts`), or "".
    """

    card_id: CardId
    account: AccountId
    state: str
    kind: str
    number: str
    ean13: str
    token_hash: bytes
    until: str = ""
    issuer: str = ""
    batch: str = ""
    batch_index: int = 0
    act: str = ""
    holder: str = ""


class IdentifierRow(msgspec.Struct, frozen=True):
    """What a card is known by: its number, its UID, its phone's number. No two cards share one."""

    scheme: str
    value: str
    card_id: CardId


class CustomerRow(msgspec.Struct, frozen=True):
    """The person behind an account; ``profile`` is JSON. Erasing this row keeps the ledger."""

    account: AccountId
    profile: bytes


class PhoneRow(msgspec.Struct, frozen=True):
    """The phone that carries a card.

    number:     what the phone's code says of the card, 10 digits; also its identifier ``phone``.
    generation: rises by one with every phone that takes the card over; 0 before the first.
    last_step:  the newest half minute whose code was taken, or -1; no older one is taken again.
    key_id:     which of the shop's keys the phone's key derives from.
    """

    card_id: CardId
    number: str
    generation: int
    last_step: int = -1
    key_id: int = 1


class DeviceRow(msgspec.Struct, frozen=True):
    """A device that holds a card's wallet pass and wants to hear of changes."""

    device: str
    card_id: CardId
    push_token: str


class ChipRow(msgspec.Struct, frozen=True):
    """What this ledger last saw of a chip that counts: a purse, or a tag with a rolling link.

    seq:     the purse's payments, or how often the tag was read.
    txid:    of the purse's last payment, hex; "" for a tag.
    speaks:  the channel that it was opened with, "" for a tag.
    alarm:   why it must not be used any more, or "".
    """

    uid: str
    seq: int
    txid: str = ""
    balance: int = 0
    speaks: str = ""
    alarm: str = ""


class MemberRow(msgspec.Struct, frozen=True):
    """Where an account stands with a status; ``state`` is JSON of ``programme.status``.

    due:    the first local day (ordinal) on which time alone changes it, or FOREVER.
    listed: the owner's list that it is on (``join extend exclude``), or "".
    """

    account: AccountId
    status: str
    state: str
    due: int
    listed: str


class CodeRow(msgspec.Struct, frozen=True):
    """An issued code, in one case. How often it was used is the counter ``counter``.

    account:  the only account that may use it, or "".
    ref:      the sale or the request that issued it.
    first_day, last_day: local days (ordinals) on which it is good, both included.
    uses:     how many sales may use it.
    state:    ``good``, or ``taken_back`` when the goods it came with were.
    """

    code: str
    campaign: str
    account: AccountId
    ref: str
    first_day: int
    last_day: int
    uses: int
    state: str

    @property
    def counter(self) -> str:
        """The name of the counter of its uses."""
        return code_counter(self.code)

    @property
    def is_good(self) -> bool:
        """Whether it was not taken back. Raises RefusedError TOO_NEW for a state of later days."""
        if self.state not in ("good", "taken_back"):
            raise too_new(ValueError(f"a code that is {self.state!r}"))
        return self.state == "good"


class ActivationRow(msgspec.Struct, frozen=True):
    """A programme that is in force from ``at`` (RFC 3339) on, until the next one is.

    source: who said so: a person, or ``file <terminal>`` when it was found in that till's file.
    number: counts them, so that of two at one moment the later is known.
    reason: why it was made though nobody had previewed it, or "".
    """

    at: str
    version: str
    source: str
    number: int
    reason: str = ""


class ProgrammeRow(msgspec.Struct, frozen=True):
    """The text of a programme that has priced something; ``version`` is a hash of it."""

    version: str
    text: str


class TillRow(msgspec.Struct, frozen=True):
    """Whose names, as receipts have them, are this store's and terminal's; for good."""

    store: str
    terminal: str
    ledger_id: LedgerId


class FoldRow(msgspec.Struct, frozen=True):
    """How far the entries of a ledger that is older than posted facts have been gone through.

    done: the last entry whose fact is written; upto: the last one that had none.
    """

    ledger_id: LedgerId
    done: int
    upto: int


class LotFoldRow(msgspec.Struct, frozen=True):
    """How far the entries of a ledger have been folded into sums of lots.

    done: the last entry that is in them; day: the last local day (ordinal) that is whole in them.
    """

    ledger_id: LedgerId
    done: int
    day: int


class OperatorRow(msgspec.Struct, frozen=True):
    """Somebody who works in the shop. ``key`` is the name without case: no two share one.

    stores:        a JSON list of the stores they act in; an empty one is all.
    state:         ``active`` or ``closed``.
    password, pin: Argon2id hashes, or "". totp: the secret that a phone shares, base32, or "".
    account:       their own as a customer, or "".
    created_at:    RFC 3339.
    """

    key: str
    name: str
    role: str
    stores: str
    state: str
    language: str = ""
    password: str = ""
    pin: str = ""
    totp: str = ""
    account: AccountId = NO_ACCOUNT
    created_at: str = ""


class LotRow(msgspec.Struct, frozen=True):
    """A lot of one purse of one account that has something left. Only read: entries move lots."""

    account: AccountId
    purse: str
    expires: int
    usable_from: int
    amount: int


def identified(
    card: CardRow, identifiers: Iterable[tuple[str, str]]
) -> tuple[CardRow | IdentifierRow, ...]:
    """Return the rows of a card with identifiers, (scheme, value), that are new."""
    return card, *(IdentifierRow(scheme, value, card.card_id) for scheme, value in identifiers)
