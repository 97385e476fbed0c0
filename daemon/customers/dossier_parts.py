"""What stands on a dossier beside the person: cards, consents, purses, statuses, sales, friends."""

from typing import Any

import msgspec

from daemon.base.ids import AccountId


class ShownCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card; ``number`` is whole. ``until``: RFC 3339, or ""."""

    number: str
    kind: str
    state: str
    issuer: str
    until: str


class ShownConsent(msgspec.Struct, frozen=True, kw_only=True):
    """What was said last of a purpose and a channel."""

    purpose: str
    channel: str
    given: bool
    at: str
    source: str
    by: str
    text_version: str
    language: str


class ShownLot(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a balance: usable from a day to a day, both included; ``until`` "" is for ever."""

    amount: int
    usable_from: str
    until: str


class ShownPurse(msgspec.Struct, frozen=True, kw_only=True):
    """A balance and the lots that it is made of, the oldest expiry first."""

    available: int
    pending: int
    held: int
    lots: tuple[ShownLot, ...]


class ShownStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where the account stands with a status today."""

    stage: str
    since: str
    window_from: str
    window_to: str
    total: int
    listed: str


class ShownEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the account. ``moves``: what it did to its purses. ``said``: who, why and what.

    ref: a sale's id as its POS has given it, a card's, an account's.
    """

    place: str
    at: str
    kind: str
    ref: str
    moves: dict[str, int]
    said: dict[str, Any]


class ShownSale(msgspec.Struct, frozen=True, kw_only=True):
    """A sale, or a return, of which the figures are below 0.

    lines: of a sale, each with ``line sku name qty net``.
    """

    place: str
    day: str
    kind: str
    sale_id: str
    store: str
    terminal: str
    cashier: str
    list_total: int
    discount: int
    net: int
    paid: int
    lines: tuple[dict[str, Any], ...]


class ShownInvite(msgspec.Struct, frozen=True):
    """A code by which the customer brings others."""

    code: str
    campaign: str


class ShownMessage(msgspec.Struct, frozen=True):
    """A message of a mailing to the customer, and what came of it, when (RFC 3339)."""

    mailing: str
    channel: str
    state: str
    at: str


class ShownFriend(msgspec.Struct, frozen=True):
    """Whom the customer has brought, and since when, RFC 3339; "" before it was written down."""

    account: AccountId
    since: str
