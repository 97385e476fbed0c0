"""What the phone pages ask of the shop: a new card, and a card's present state."""

from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from daemon.accounts.cards import Answer
from daemon.base.ids import CardId
from daemon.customers.questionnaire import Questionnaire

TOKEN_PATTERN = "[A-Za-z0-9_-]{22}"  # 128 bits in base64url: what secrets.token_urlsafe(16) makes


class JoinForm(msgspec.Struct, frozen=True):
    """A questionnaire, validated. What the customer left out is "" or None.

    form_id:  made by the server for one showing of the form; one form_id is one card.
    phone:    ``+`` and 8 to 15 digits (E.164).
    consents: the ticked ones: ``personal_data``, and ``marketing:<channel>``; never a marketing
              one, and never a personal field, without ``personal_data``.
    language: of the page that was filled in, ``en`` or ``uk``.
    answers:  to the shop's own questionnaire, by question; the fields above are empty then.
    """

    form_id: str
    name: str = ""
    phone: str = ""
    email: str = ""
    birthday: date | None = None
    consents: tuple[str, ...] = ()
    language: str = "en"
    answers: dict[str, Answer] = msgspec.field(default_factory=dict)


class CardState(StrEnum):
    """A card as its holder sees it. Only an ACTIVE one shows its code. USED is said of coupons."""

    ACTIVE = "active"
    USED = "used"
    BLOCKED = "blocked"
    REPLACED = "replaced"
    EXPIRED = "expired"


class HistoryKind(StrEnum):
    """Why a balance changed, as its holder would say it."""

    SALE = "sale"
    SPENT = "spent"
    RETURN = "return"
    TOPUP = "topup"
    GIFT = "gift"
    EXPIRY = "expiry"
    CORRECTION = "correction"


class ShownBalance(msgspec.Struct, frozen=True):
    """One purse. ``amount`` is minor units of an ISO 4217 ``currency``, or whole units if ""."""

    purse: str
    amount: int
    currency: str = ""


class ShownStep(msgspec.Struct, frozen=True):
    """How far a card is from something better.

    missing: minor units of an ISO 4217 ``currency``, or whole units if "". 0: the next one has it.
    gives:   what there is then, in the programme's words, or as its number (``7 %``).
    """

    missing: int
    gives: str
    currency: str = ""


class HistoryLine(msgspec.Struct, frozen=True):
    """One change of a balance: ``amount`` is signed and counted as in ``ShownBalance``.

    store: of the till where it was, as its ``[till] store`` says, or "" where no till was asked.
    """

    on: date
    kind: HistoryKind
    amount: int
    currency: str = ""
    purse: str = ""
    store: str = ""


class Coupon(msgspec.Struct, frozen=True):
    """What a coupon is good for: ``text`` by language; and how often yet, or None for no limit."""

    text: dict[str, str]
    uses_left: int | None = None


class CouponTerms(msgspec.Struct, frozen=True):
    """What cards of one kind are good for.

    rule: the programme's rule that they are good for. text: the shop's own words, by language; the
          rule's own text stands where there are none.
    """

    rule: str
    text: dict[str, str]


class CardView(msgspec.Struct, frozen=True):
    """All that a card page shows.

    number:   16 digits (``card_formats.phone.static_number``).
    ean13:    the card's EAN-13, or "" where the shop issues none.
    status:   the club status in the shop's own words, or "".
    history:  newest first. steps: what is missing to the next ones.
    until:    the last day it is good, or None; ``until_at`` is the moment it ends, aware.
    generation: how many phones have carried the card; 0 while none has.
    key_id:   of the shop's key that phones are given now.
    coupon:   set where the card is one; it has no balances, history or steps, and no live code.
    """

    number: str
    ean13: str = ""
    name: str = ""
    balances: tuple[ShownBalance, ...] = ()
    status: str = ""
    state: CardState = CardState.ACTIVE
    history: tuple[HistoryLine, ...] = ()
    steps: tuple[ShownStep, ...] = ()
    until: date | None = None
    until_at: datetime | None = None
    generation: int = 0
    key_id: int = 1
    coupon: Coupon | None = None


class LiveCard(msgspec.Struct, frozen=True):
    """What a phone is given once, to make the card's code by itself.

    token: opens the card's page. prefix: of the code. key: in hex, HMAC-SHA1.
    key_id: of the shop's key that ``key`` derives from.
    """

    token: str
    number: str
    generation: int
    prefix: str
    key: str
    key_id: int

    def __repr__(self) -> str:
        """Hide the token and the key."""
        return f"LiveCard({self.number}, {self.generation})"


class WalletCard(msgspec.Struct, frozen=True):
    """A card as a wallet holds it.

    serial:     names the card for ever; not secret. language: ``en`` or ``uk``.
    updated_at: of the newest entry in its account, aware.
    """

    serial: CardId
    view: CardView
    updated_at: datetime
    language: str = "en"


class WalletCardService(Protocol):
    """The shop's side of wallet passes."""

    async def card_of(self, token: str) -> WalletCard | None:
        """Return the card whose page ``token`` opens. Raises: RefusedError."""
        ...

    async def card(self, serial: CardId) -> WalletCard | None:
        """Return the card with this serial. Raises: RefusedError."""
        ...

    def pass_token(self, serial: CardId) -> str:
        """Return what a device proves itself with: the same for the pass's whole life."""
        ...

    async def register(self, device: str, serial: CardId, push_token: str) -> bool:
        """Remember a device that holds a pass; return whether it is new.

        Raises: RefusedError LIMIT_REACHED for too many devices of one card.
        """
        ...

    async def unregister(self, device: str, serial: CardId) -> None:
        """Forget a device. Raises: RefusedError."""
        ...

    async def held_by(self, device: str) -> list[WalletCard]:
        """Return the cards whose passes a device holds. Raises: RefusedError."""
        ...


class PhoneCardService(Protocol):
    """The shop's side of the phone pages."""

    async def enrol(self, form: JoinForm) -> str:
        """Make a card and return its token, matching ``TOKEN_PATTERN``, 128 random bits.

        A ``form_id`` that was enrolled before returns the same token: a phone that lost the
        answer sends its form again.
        Raises: RefusedError; a retryable one asks the customer to try again in a minute.
                ParamError where the shop has another questionnaire by now.
        """
        ...

    def today(self) -> date:
        """Return the shop's day."""
        ...

    async def questionnaire(self) -> Questionnaire:
        """Return what customers are asked. Raises: RefusedError."""
        ...

    async def show(self, token: str) -> CardView | None:
        """Return the card of ``token``, or None when there is none. Raises: RefusedError."""
        ...

    async def bind_first(self, token: str) -> LiveCard | None:
        """Give a card that no phone carries yet to the phone that shows its page, else None.

        Raises: RefusedError.
        """
        ...

    async def renew(self, token: str, proof: str) -> LiveCard | None:
        """Give a phone that proves an older key its newest; None when it proves nothing.

        proof: ``card_formats.phone.rotating.renewal_proof``. Raises: RefusedError.
        """
        ...

    async def has_moved(self, token: str) -> bool:
        """Whether ``token`` opened a card's page before the card moved. Raises: RefusedError."""
        ...

    async def has_moved_to(self, token: str, to: str) -> bool:
        """Whether it opened the page of the card that ``to`` opens now. Raises: RefusedError."""
        ...

    async def is_offered(self, code: str) -> bool:
        """Whether a link from the till is still good. Raises: RefusedError."""
        ...

    async def accept(self, code: str) -> LiveCard | None:
        """Give the card of a link to the phone that opened it; None when it is not good any more.

        The card's page has another token from then on. Raises: RefusedError.
        """
        ...
