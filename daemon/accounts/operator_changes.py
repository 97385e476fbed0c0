"""Operators come, change their role, and go; and what proves that it is them is set.

Each change is an entry that names who is concerned, their role and who did it. No entry and no
answer holds a password, a PIN or what a phone shares, and none of them makes a request's key.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Literal, Self

import msgspec

from daemon.accounts.cards import Cards
from daemon.accounts.operators import (
    ACTIVE,
    CLOSED,
    Operators,
    every_operator,
    is_active,
    name_key,
    operator_of,
)
from daemon.base.approval import PIN_DIGITS_MAX, PIN_DIGITS_MIN, Approvable, OperatorName, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.config import ConfigError, LanguageCode
from daemon.base.ids import NO_ACCOUNT, AccountId
from daemon.base.params import Params
from daemon.base.permissions import Action, OperatorRole
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import PRINTABLE, IdText, RequestId, SaidText, Text
from daemon.ledger.entries import Entry
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.queries import CUSTOMER, OPERATOR, OPERATORS_AFTER
from daemon.ledger.storage.rows import OperatorRow
from daemon.ledger.storage.store import Change, Store, View

OPERATORS_MAX = 1_000
"""Active ones."""
STORES_MAX = 100
PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX = 10, 128
PASSWORD_SCORE_MIN = 3
GUESSED_CHARS_MAX = 72
"""Of a password, what zxcvbn looks at."""
TOTP_STEPS_OFF = 1
"""How many half minutes a phone's clock may be off."""

Stores = Annotated[
    tuple[Annotated[IdText, msgspec.Meta(min_length=1)], ...], msgspec.Meta(max_length=STORES_MAX)
]
Password = Annotated[
    str,
    msgspec.Meta(
        max_length=PASSWORD_CHARS_MAX,
        pattern=PRINTABLE,
        description="must have no control characters",
    ),
]
NewPin = Annotated[
    str,
    msgspec.Meta(
        max_length=PIN_DIGITS_MAX,
        pattern=rf"^([0-9]{{{PIN_DIGITS_MIN},{PIN_DIGITS_MAX}}})?$(?!\n)",
        description="must be 4 to 8 digits",
    ),
]
Base32 = Annotated[
    str,
    msgspec.Meta(
        max_length=64,
        pattern=r"^([A-Z2-7]{32,64})?$(?!\n)",
        description="must be base32, 32 letters or more (160 bits)",
    ),
]


class OperatorTerms(Approvable, frozen=True, kw_only=True):
    """Whom it is about, and who does it."""

    request_id: RequestId
    name: OperatorName
    by: SaidText


class AddTerms(OperatorTerms, frozen=True, kw_only=True):
    """Somebody new, or somebody who was closed and comes back.

    stores:  in which they act; none named: in all.
    account: their own as a customer, by a card's number or the account itself, or "".
    """

    role: OperatorRole
    stores: Stores = ()
    language: LanguageCode | Literal[""] = ""
    account: Text = ""


class RoleTerms(OperatorTerms, frozen=True, kw_only=True):
    """Another role; what is left out of the rest stays as it is."""

    role: OperatorRole
    stores: Stores | None = None
    language: LanguageCode | Literal[""] | None = None
    account: Text | None = None


class PinTerms(OperatorTerms, frozen=True, kw_only=True):
    """A PIN of 4 to 8 digits, or "" for none any more."""

    pin: NewPin

    @property
    def kept(self) -> Self:
        """The same without the PIN."""
        return msgspec.structs.replace(super().kept, pin="")


class PasswordTerms(OperatorTerms, frozen=True, kw_only=True):
    """A password for the console, or "" for none any more."""

    password: Password

    @property
    def kept(self) -> Self:
        """The same without the password."""
        return msgspec.structs.replace(super().kept, password="")


class TotpTerms(OperatorTerms, frozen=True, kw_only=True):
    """What a phone shares, and the code that it shows for it now; "" for none any more."""

    secret: Base32
    code: IdText = ""

    @property
    def kept(self) -> Self:
        """The same without the secret and what follows from it."""
        return msgspec.structs.replace(super().kept, secret="", code="")


class OperatorsTerms(Params, frozen=True, kw_only=True):
    """Which operators to list: also ``closed`` ones; ``after``: the ``next`` of the page before."""

    closed: bool = False
    after: Text = ""


class OperatorShown(msgspec.Struct, frozen=True, kw_only=True):
    """An operator, without secrets: only whether there are any."""

    name: str
    role: str
    stores: tuple[str, ...]
    state: str
    language: str
    account: AccountId
    has_password: bool
    has_pin: bool
    has_totp: bool
    created_at: str
    replayed: bool = False

    @classmethod
    def of(cls, row: OperatorRow) -> Self:
        """Show a row. Raises RefusedError TOO_NEW."""
        known = operator_of(row)
        return cls(
            name=row.name,
            role=row.role,
            stores=known.stores,
            state=row.state,
            language=row.language,
            account=row.account,
            has_password=bool(row.password),
            has_pin=bool(row.pin),
            has_totp=bool(row.totp),
            created_at=row.created_at,
        )


class OperatorsListed(msgspec.Struct, frozen=True, kw_only=True):
    """One page, by name; ``next`` is what the page behind it is asked for with, or ""."""

    operators: tuple[OperatorShown, ...]
    next: str


Changed = Callable[[Store, OperatorRow | None], OperatorRow]


class OperatorChanges:
    """Writes down who works here."""

    def __init__(
        self, ledger: Ledger, cards: Cards, operators: Operators, clock: Clock, source: str
    ) -> None:
        """source: who it is by where a start adds operators: the till's settings."""
        self._ledger = ledger
        self._cards = cards
        self._operators = operators
        self._clock = clock
        self._source = source

    async def start(self, named: Mapping[str, OperatorRole]) -> list[str]:
        """Add those whom the settings name and nobody knows yet; return their names.

        Raises: ConfigError for more than OPERATORS_MAX.
        """
        at, added = rfc3339(self._clock.now()), []
        try:
            for name, role in named.items():
                if await self._ledger.update(_adding(name, role, self._source, at)):
                    added.append(name)
        except RefusedError as refusal:
            raise ConfigError("cashiers", refusal.detail) from refusal
        await self._operators.follow()
        return added

    async def list(self, terms: OperatorsTerms) -> OperatorsListed:
        """List who works here, and on request who did."""

        def read(store: Store) -> OperatorsListed:
            rows = store.ask(OPERATORS_AFTER, name_key(terms.after))
            shown = (OperatorShown.of(row) for row in rows if terms.closed or row.state == ACTIVE)
            more = bool(rows) and bool(store.ask(OPERATORS_AFTER, rows[-1].key))
            return OperatorsListed(operators=tuple(shown), next=rows[-1].key if more else "")

        return await self._ledger.read(read)

    async def add(self, key: RequestKey, terms: AddTerms) -> msgspec.Raw:
        """Add an operator, once; one who was closed begins anew, without secrets.

        Raises: ParamError for a name that somebody bears; RefusedError LIMIT_REACHED, and
                CARD_UNKNOWN, MISREAD for the account.
        """
        at = rfc3339(self._clock.now())

        def changed(store: Store, row: OperatorRow | None) -> OperatorRow:
            if row is not None and is_active(row):
                raise ParamError("name", f"there is an operator {row.name} already")
            _check_room(store)
            return OperatorRow(
                key=name_key(terms.name),
                name=terms.name,
                role=terms.role.value,
                stores=_stores(terms.stores),
                state=ACTIVE,
                language=terms.language,
                account=self._account(store, terms.account),
                created_at=row.created_at if row else at,
            )

        return await self._once(key, terms, "added", changed)

    async def set_role(self, key: RequestKey, terms: RoleTerms) -> msgspec.Raw:
        """Give an operator another role. Raises ParamError as `close` does."""

        def changed(store: Store, row: OperatorRow | None) -> OperatorRow:
            said = terms.account
            account = None if said is None else self._account(store, said)
            row = _active(row)
            if terms.role is not OperatorRole.OWNER:
                _check_owner_stays(store, row)
            return msgspec.structs.replace(
                row,
                role=terms.role.value,
                stores=row.stores if terms.stores is None else _stores(terms.stores),
                language=row.language if terms.language is None else terms.language,
                account=row.account if account is None else account,
            )

        return await self._once(key, terms, "role", changed)

    async def close(self, key: RequestKey, terms: OperatorTerms) -> msgspec.Raw:
        """Let an operator go: nothing is done in that name any more, and no secret stays.

        Raises: ParamError for the only owner while somebody else works here.
        """
        gone = _setting(state=CLOSED, password="", pin="", totp="")

        def changed(store: Store, row: OperatorRow | None) -> OperatorRow:
            _check_owner_stays(store, _active(row))
            return gone(store, row)

        return await self._once(key, terms, "closed", changed)

    async def set_pin(self, key: RequestKey, terms: PinTerms) -> msgspec.Raw:
        """Set the PIN by which an operator approves at a till."""
        kept = await self._operators.hashes.hashed(terms.pin) if terms.pin else ""
        return await self._once(key, terms, "pin", _setting(pin=kept))

    async def set_password(self, key: RequestKey, terms: PasswordTerms) -> msgspec.Raw:
        """Set the password for the console. Raises ParamError for one that is easy to guess."""
        kept = ""
        if terms.password:
            await asyncio.to_thread(check_password, terms.password, terms.name)
            kept = await self._operators.hashes.hashed(terms.password)
        return await self._once(key, terms, "password", _setting(password=kept))

    async def set_totp(self, key: RequestKey, terms: TotpTerms) -> msgspec.Raw:
        """Set what a phone shares. Raises ParamError where it does not show the code of it."""
        if (replayed := (await self._ledger.stored_answer(key))[0]) is not None:
            return replayed  # the phone shows another code by now
        if terms.secret:
            from pyotp import TOTP  # here: a till without a second factor loads no library

            now, steps = self._clock.now(), TOTP_STEPS_OFF
            if not TOTP(terms.secret).verify(terms.code, for_time=now, valid_window=steps):
                raise ParamError("code", "is not what the phone shows now for this secret")
        return await self._once(key, terms, "totp", _setting(totp=terms.secret))

    async def _once(
        self,
        key: RequestKey,
        terms: OperatorTerms,
        event: str,
        changed: Changed,
    ) -> msgspec.Raw:
        signed = await self._signed(terms, key)
        at = rfc3339(self._clock.now())

        def job(store: Store, view: View) -> tuple[Change, OperatorShown]:
            row = changed(store, store.ask_one(OPERATOR, name_key(terms.name)))
            return _change(event, row, signed, at), OperatorShown.of(row)

        answer = await self._ledger.once(key, at, job)
        await self._operators.follow()
        return answer

    async def _signed(self, terms: OperatorTerms, key: RequestKey) -> Signed:
        """Return who does it. Where there is no owner (yet), the socket's role has decided."""
        if not self._operators.has_owner and terms.approval is None:
            return Signed(terms.by)
        return await self._operators.check(Action.OPERATORS, terms.by, terms.approval, key)

    def _account(self, store: Store, said: str) -> AccountId:
        """Return the account that is said. Raises RefusedError CARD_UNKNOWN, MISREAD."""
        if not said or store.ask_one(CUSTOMER, said) is not None:
            return AccountId(said)
        return self._cards.find(store, said).account


def check_password(password: str, name: str) -> None:
    """Raise ParamError for a password that is short or easy to guess."""
    from zxcvbn import zxcvbn  # here: its lists of words are large

    if len(password) < PASSWORD_CHARS_MIN:
        raise ParamError("password", f"must have at least {PASSWORD_CHARS_MIN} characters")
    if zxcvbn(password[:GUESSED_CHARS_MAX], user_inputs=[name])["score"] < PASSWORD_SCORE_MIN:
        raise ParamError("password", "is easy to guess; a few unusual words are better")


def _active(row: OperatorRow | None) -> OperatorRow:
    if row is None or not is_active(row):
        raise ParamError("name", "there is no operator of this name")
    return row


def _check_owner_stays(store: Store, row: OperatorRow) -> None:
    """Raise ParamError where ``row`` is the only owner, and others work here.

    Without an owner whoever reaches the socket may name one: that must not come about unnoticed.
    """
    others = [one for one in every_operator(store) if is_active(one) and one.key != row.key]
    owner = OperatorRole.OWNER.value
    if row.role == owner and others and all(one.role != owner for one in others):
        raise ParamError("name", f"{row.name} is the only owner; give somebody else the role first")


def _setting(**columns: str) -> Changed:
    return lambda store, row: msgspec.structs.replace(_active(row), **columns)


def _adding(name: str, role: OperatorRole, source: str, at: str) -> Callable[[Store], bool]:
    def add(store: Store) -> bool:
        if store.ask_one(OPERATOR, name_key(name)) is not None:
            return False
        _check_room(store)
        row = OperatorRow(name_key(name), name, role.value, _stores(()), ACTIVE, created_at=at)
        store.write(_change("added", row, Signed(source), at))
        return True

    return add


def _stores(stores: tuple[str, ...]) -> str:
    return msgspec.json.encode(stores).decode()


def _check_room(store: Store) -> None:
    active = sum(row.state == ACTIVE for row in every_operator(store))
    if active >= OPERATORS_MAX:
        raise RefusedError(
            ErrorCode.LIMIT_REACHED, f"A shop has at most {OPERATORS_MAX} operators; close some."
        )


def _change(event: str, row: OperatorRow, signed: Signed, at: str) -> Change:
    detail = {"event": event, "name": row.name, "role": row.role, "by": signed.by}
    detail |= signed.approved
    stores = msgspec.json.decode(row.stores)
    encoded = msgspec.json.encode(detail | ({"stores": stores} if stores else {}))
    entry = Entry(
        at=at, kind="operator", ref=row.key, account=NO_ACCOUNT, detail=msgspec.Raw(encoded)
    )
    return Change(entry=entry, rows=(row,))
