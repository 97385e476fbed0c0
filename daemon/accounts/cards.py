"""Cards and the people behind them: issue one, and say whose a credential is."""

import hashlib
import secrets
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias

import msgspec

from card_formats import registry
from card_formats.chip.uid import parse_uid
from card_formats.code_text import number_form
from card_formats.credential import Credential, Medium, Shown, Trust, mask
from card_formats.errors import CardFormatError
from card_formats.number_ranges import NumberRange
from daemon.accounts.guess_limit import Guesses
from daemon.accounts.invitations import invitation
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId, CardId
from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import TEXT_CHARS_MAX, is_printable
from daemon.ledger.entries import Entry
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.card_queries import STAGED_NUMBER
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER, CARD_BY_TOKEN, CUSTOMER
from daemon.ledger.storage.rows import CardRow, CustomerRow, identified, too_new
from daemon.ledger.storage.store import OF_CARD, Change, Gone, KeptRow, Reads, Store, View

TOKEN_BYTES = 16

_UNUSABLE = {
    "stock": (ErrorCode.CARD_UNKNOWN, "This card has not been handed out yet."),
    "handed_out": (ErrorCode.CARD_UNKNOWN, "This card has not been issued to a customer yet."),
    "blocked": (ErrorCode.CARD_BLOCKED, "This card is blocked."),
    "replaced": (ErrorCode.CARD_BLOCKED, "This card was replaced by a new one."),
    "written_off": (ErrorCode.CARD_BLOCKED, "This card was written off."),
    "expired": (ErrorCode.CARD_EXPIRED, "This card has expired."),
}


Answer: TypeAlias = str | int | tuple[str, ...]
"""What a customer answers to a question; "", or no word at all, is no answer."""


class Profile(Params, frozen=True, kw_only=True):
    """What is known of the person. Empty for an anonymous card. ``birthday`` is YYYY-MM-DD.

    answers:  to questions of the shop's own, by their ids; the fields beside it are answers, too.
    consents: those that were ticked, all at ``consents_at`` (RFC 3339; "": now): a purpose, or a
              purpose and a channel, as ``marketing:sms``. They are kept as a history of their own.
    referrer, partner, employee: who sent the customer: another customer's account (a card's number
              is taken for its account when the card is issued), or a partner and its employee.
    """

    name: str = ""
    phone: str = ""
    email: str = ""
    birthday: str = ""
    tags: tuple[str, ...] = ()
    language: str = ""
    answers: dict[str, Answer] = msgspec.field(default_factory=dict)
    consents: tuple[str, ...] = ()
    consents_at: str = ""
    referrer: str = ""
    partner: str = ""
    employee: str = ""


PROFILE_TEXTS_MAX = 50
"""Tags of a profile, and consents."""


UNASKED_TEXTS = ("tags", "language", "consents", "consents_at", "referrer", "partner", "employee")
"""Of a profile, what no questionnaire holds to its bounds."""


def check_profile(profile: Profile) -> None:
    """Raise ParamError for a text of more than TEXT_CHARS_MAX letters, or too many of them.

    Not a bound of the struct: what is kept already is read as it is.
    """
    for name in UNASKED_TEXTS:
        value = getattr(profile, name)
        texts = (value,) if isinstance(value, str) else value
        if len(texts) > PROFILE_TEXTS_MAX:
            raise ParamError(f"profile.{name}", f"has more than {PROFILE_TEXTS_MAX} entries")
        if any(len(text) > TEXT_CHARS_MAX for text in texts):
            raise ParamError(f"profile.{name}", f"has more than {TEXT_CHARS_MAX} letters")
        if not all(is_printable(text) for text in texts):
            raise ParamError(f"profile.{name}", "must have no control characters")


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """How something came to be known: ``at`` (RFC 3339), by whom, in which language.

    source: ``form till console import``.
    """

    at: str
    source: str = "till"
    by: str = ""
    language: str = ""


class Filled(NamedTuple):
    """What a profile is written as.

    fields: the names of what has changed, never what it says.
    others: what is written before it, each with an entry of its own: consents.
    """

    rows: tuple[KeptRow, ...]
    gone: tuple[Gone, ...] = ()
    fields: tuple[str, ...] = ()
    others: tuple[Change, ...] = ()


class Filling(Protocol):
    """Says how a new account's profile is kept: the one that holds it to the questionnaire."""

    def __call__(self, store: Store, account: AccountId, profile: Profile, said: Said) -> Filled:
        """Return what is to be written. Raises ParamError, with the path ``profile.…``."""
        ...


class Account(msgspec.Struct, frozen=True):
    """The account a card belongs to, with the card that led to it."""

    account: AccountId
    card: CardRow
    profile: Profile


class NewCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card to issue. ``identifiers`` are (scheme, value); ``token`` opens its page.

    until: when it stops being good, RFC 3339, or "".
    """

    kind: str
    number: str
    ean13: str = ""
    identifiers: tuple[tuple[str, str], ...] = ()
    token: str = ""
    until: str = ""
    issuer: str = ""


class Cards:
    """Issues and finds cards. ``ranges`` are the shop's own numbers.

    filling: how people are kept; without it only cards of nobody are issued.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        ranges: tuple[NumberRange, ...] = (),
        filling: Filling | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ranges = ranges
        self._filling = filling
        self.guesses = Guesses(clock)

    async def resolve(self, credential: Credential, reader: str = "") -> Account:
        """Return the account of ``credential``, shown at ``reader`` or told by a client ("").

        Raises: RefusedError CARD_UNKNOWN, CARD_BLOCKED, CARD_EXPIRED; RATE_LIMITED for a reader
                with too many numbers that no card has. Other credentials are not counted here:
                nobody guesses at chips, and live codes are counted by who verifies them.
        """
        named = Reads(identifier=(credential.scheme, credential.value), profile_of=OF_CARD)
        view = await self._ledger.read(lambda store: store.view(named))
        return self.admitted(credential, account_in(view), reader)

    def admitted(self, credential: Credential, found: Account | None, reader: str = "") -> Account:
        """Return the account that was ``found`` for ``credential``. Raises as `resolve`."""
        guessable = credential.trust is Trust.STATIC
        if guessable:
            self.guesses.check(reader)
        if found is None:
            if guessable:
                self.guesses.note(reader)
            raise RefusedError(
                ErrorCode.CARD_UNKNOWN, f"No card {mask(credential.value)} was issued here."
            )
        refuse_unusable(found.card, rfc3339(self._clock.now()))
        return found

    async def by_token(self, token: str) -> Account | None:
        """Return the account whose card page ``token`` opens, whatever the card's state."""
        return await self._ledger.read(lambda store: account_by_token(store, token))

    async def issue(
        self, new: NewCard, profile: Profile, source: str = "till", *, invites: str = ""
    ) -> bool:
        """Issue a card on a new account of its own.

        source:  where its customer has said what the profile says; see `Said`.
        invites: the campaign whose code its customer gets, or "".
        Returns: False, with nothing written, where its token or an identifier is taken already.
        """
        card = new_card(
            new_account(),
            kind=new.kind,
            number=new.number,
            ean13=new.ean13,
            token=new.token,
            until=new.until,
            issuer=new.issuer,
        )
        at = rfc3339(self._clock.now())

        def job(store: Store) -> bool:
            known = [is_taken(store, *pair) for pair in new.identifiers]
            if any(known) or store.ask_one(CARD_BY_TOKEN, card.token_hash) is not None:
                return False
            said = Said(at=at, source=source, language=profile.language)
            invited = invitation(store, invites, card.account)
            filled = self.filled(store, card.account, profile, said)
            entry = card_entry(at, card, "issued", kind=new.kind)
            rows = (*identified(card, new.identifiers), *filled.rows, *invited)
            store.write(Change(entry=entry, rows=rows))
            return True

        return await self._ledger.update(job)

    def filled(self, store: Store, account: AccountId, profile: Profile, said: Said) -> Filled:
        """Return how a new account's profile is kept; what comes ``others`` is written already.

        Raises: ParamError for what is wrong in it, with its path.
        """
        check_profile(profile)
        profile = self._with_friend(store, profile)
        if profile == Profile():
            return Filled((CustomerRow(account, msgspec.json.encode(profile)),))
        assert self._filling is not None, "a person is kept by a till"
        filled = self._filling(store, account, profile, said)
        for change in filled.others:
            store.write(change)
        return filled

    def _with_friend(self, store: Store, profile: Profile) -> Profile:
        """Return a profile with its friend's account in place of the friend's card.

        Raises: ParamError for a friend whom nobody knows.
        """
        friend = profile.referrer
        if not friend or store.ask_one(CUSTOMER, friend) is not None:
            return profile
        try:
            account = self.find(store, friend).account
        except RefusedError as refusal:
            what = f"names no card and no account: {refusal.detail}"
            raise ParamError("profile.referrer", what) from None
        return msgspec.structs.replace(profile, referrer=account)

    @property
    def ranges(self) -> tuple[NumberRange, ...]:
        """The shop's own numbers."""
        return self._ranges

    def identifier(self, number: str) -> tuple[str, str]:
        """Return the scheme and the value that a number is kept under.

        Raises: RefusedError MISREAD, CARD_UNKNOWN for one that is not the shop's.
        """
        try:
            read = registry.decode(Shown(Medium.TYPED, number.encode()))
            credential = registry.recognise(read, self._ranges)
        except CardFormatError as error:
            if "check" in error.code:
                problem = f"Misread ({error.code}); type it again."
                raise RefusedError(ErrorCode.MISREAD, problem) from None
            problem = "This is no number of the shop's own cards."
            raise RefusedError(ErrorCode.CARD_UNKNOWN, problem) from None
        if credential.trust is Trust.ROTATING:
            raise RefusedError(ErrorCode.CARD_UNKNOWN, "A live code is no card's number.")
        return credential.scheme, credential.value

    def find(self, store: Store, named: str) -> CardRow:
        """Return the card of a number or a UID, whatever its state. Raises RefusedError."""
        # One of eight bytes, which nobody writes as a UID, may have been issued at a reader.
        pairs = [("uid", number_form(named).replace(":", ""))]
        with suppress(CardFormatError):
            pairs = [("uid", parse_uid(named))]
        try:
            pairs.insert(0, self.identifier(named))
        except RefusedError as refusal:
            if refusal.code is not ErrorCode.CARD_UNKNOWN:
                raise
        for pair in pairs:
            if (card := store.ask_one(CARD_BY_IDENTIFIER, *pair)) is not None:
                return card
        raise RefusedError(ErrorCode.CARD_UNKNOWN, "No such card was issued here.")

    def usable(self, store: Store, named: str, now: str) -> CardRow:
        """Return the card of a number or a UID that is good now. Raises RefusedError."""
        card = self.find(store, named)
        refuse_unusable(card, now)
        return card

    async def is_taken(self, scheme: str, value: str) -> bool:
        """Whether an identifier belongs to a card already."""
        found = await self._ledger.read(
            lambda store: store.ask_one(CARD_BY_IDENTIFIER, scheme, value)
        )
        return found is not None


def is_taken(store: Store, scheme: str, value: str) -> bool:
    """Whether a card has an identifier, or one of a batch that is being made will have it."""
    if store.ask_one(CARD_BY_IDENTIFIER, scheme, value) is not None:
        return True
    return scheme == "number" and store.ask_one(STAGED_NUMBER, value) is not None


def new_account() -> AccountId:
    """Return the id of an account that nobody has."""
    return AccountId("a" + secrets.token_hex(8))


def new_card(
    account: AccountId,
    *,
    kind: str,
    number: str,
    ean13: str = "",
    token: str = "",
    until: str = "",
    issuer: str = "",
) -> CardRow:
    """Return an active card on ``account``; ``token`` opens its page, or a drawn one."""
    return CardRow(
        card_id=CardId("c" + secrets.token_hex(8)),
        account=account,
        state="active",
        kind=kind,
        number=number,
        ean13=ean13,
        token_hash=token_hash(token or secrets.token_urlsafe(TOKEN_BYTES)),
        until=until,
        issuer=issuer,
    )


def card_entry(at: str, card: CardRow, event: str, **detail: str | int) -> Entry:
    """Return the entry of what happened to a card at ``at`` (RFC 3339), with what else is kept."""
    return Entry(
        at=at,
        kind="card",
        ref=card.card_id,
        account=card.account,
        detail=msgspec.Raw(msgspec.json.encode({"event": event} | detail)),
    )


def refuse_unusable(card: CardRow, now: str) -> None:
    """Raise RefusedError CARD_UNKNOWN, CARD_BLOCKED, CARD_EXPIRED for a card that is not good.

    TOO_NEW for a state or an end that this version does not know: such a card may be a blocked one.
    """
    check_known(card)
    if card.state != "active":
        raise RefusedError(*_UNUSABLE[card.state])
    if card.until and card.until <= now:
        raise RefusedError(*_UNUSABLE["expired"])


def shown_state(card: CardRow, now: str) -> str:
    """Return what people read of a card's state: an active one past its day is ``expired``."""
    is_over = card.state == "active" and "" < card.until <= now
    return "expired" if is_over else card.state


def check_known(card: CardRow) -> None:
    """Raise RefusedError TOO_NEW for a card whose state or end a newer tillcard has written."""
    if card.state != "active" and card.state not in _UNUSABLE:
        raise too_new(ValueError(f"a card that is {card.state!r}"))
    try:
        if card.until:
            datetime.fromisoformat(card.until)
    except ValueError as error:
        raise too_new(error) from error


def token_hash(token: str) -> bytes:
    """Return what is kept of a page token: with the database alone nobody opens a page."""
    return hashlib.sha256(token.encode()).digest()


def account_by_token(store: Store, token: str) -> Account | None:
    """Return the account whose card page ``token`` opens, whatever the card's state."""
    return account_of(store, store.ask_one(CARD_BY_TOKEN, token_hash(token)))


def account_of(store: Store, card: CardRow | None) -> Account | None:
    """Return the account that a card belongs to, if there is a card."""
    if card is None:
        return None
    row = store.ask_one(CUSTOMER, card.account)
    return Account(card.account, card, profile_in(row.profile if row else b""))


def account_in(view: View) -> Account | None:
    """Return the account of the card that a view was to find; ``profile_of`` was OF_CARD."""
    card = view.card
    return Account(card.account, card, profile_in(view.profile)) if card else None


def profile_in(text: bytes) -> Profile:
    """Return what is kept of a customer; an erased one has b""."""
    try:
        return msgspec.json.decode(text, type=Profile) if text else Profile()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise too_new(error) from error
