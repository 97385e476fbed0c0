"""Which phone carries a card: one at a time, each with a key of its own."""

import hashlib
import hmac
import secrets
from collections.abc import Container

import msgspec

from card_formats.phone.rotating import NUMBER_DIGITS, PERIOD_S, compose, renewal_proof
from daemon.accounts.card_numbers import draw_free
from daemon.accounts.cards import TOKEN_BYTES, Account, card_entry, refuse_unusable, token_hash
from daemon.accounts.live_codes import PHONE_SCHEME
from daemon.base.clock import Clock, rfc3339
from daemon.base.expiring import ExpiringMap
from daemon.base.ids import NO_CARD, CardId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.keys.phone_keys import PhoneKeys
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.queries import CARD, CARD_BY_IDENTIFIER, PHONE
from daemon.ledger.storage.rows import CardRow, PhoneRow, identified
from daemon.ledger.storage.store import Change, Store

LINK_TTL_S = 600
LINKS_MAX = 1_000
"""Links that wait for a phone; one more and the oldest is dead. They end with the daemon, too."""
MOVED_SCHEME = "moved"
"""The identifier of a card by a page token that it had before: its SHA-256, in hex."""


class PhoneKey(msgspec.Struct, frozen=True):
    """What a phone is given once: with it, it makes the card's codes.

    key_id: of the shop's key that ``key`` derives from.
    """

    number: str
    generation: int
    key: bytes
    key_id: int

    def __repr__(self) -> str:
        """Hide the key."""
        return f"PhoneKey({self.number}, {self.generation})"


class Binding(msgspec.Struct, frozen=True):
    """A card on its new phone. ``token`` opens its page; the old phone's opens nothing more."""

    token: str
    phone: PhoneKey


class _Offer(msgspec.Struct, frozen=True):
    """A link. It is good while the card's ``generation`` is the one it was made at."""

    card_id: CardId
    generation: int
    by: str
    reason: str
    approved_by: str


class Phones:
    """Gives cards to phones, each with a key that derives from one of the shop's ``keys``.

    coupons: the kinds of cards that are coupons, which no phone carries.
    """

    def __init__(
        self, ledger: Ledger, clock: Clock, keys: PhoneKeys, coupons: Container[str] = ()
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._keys = keys
        self._coupons = coupons
        self._links: ExpiringMap[_Offer] = ExpiringMap(clock, ttl_s=LINK_TTL_S, size_max=LINKS_MAX)
        self._link_of: ExpiringMap[str] = ExpiringMap(clock, ttl_s=LINK_TTL_S, size_max=LINKS_MAX)

    @property
    def newest_key(self) -> int:
        """Return the id of the shop's key that phones are given now."""
        return self._keys.newest

    async def bind_first(self, account: Account) -> PhoneKey | None:
        """Give a card that no phone carries yet to the phone that shows its page, else None.

        Raises: RefusedError, as all that gives a card does, for a coupon or a card that is not
                good any more.
        """
        card_id = account.card.card_id

        def job(store: Store) -> PhoneRow | None:
            if store.ask_one(PHONE, card_id) is not None:
                return None
            return self._hand_over(store, self._usable(store, card_id), "phone bound")

        row = await self._ledger.update(job)
        return self._key(row) if row else None

    async def renew(self, account: Account, proof: str) -> PhoneKey | None:
        """Give the phone that carries a card its newest key, or None without a right proof.

        proof: ``renewal_proof`` of an older key of this phone that is still accepted. The same
               proof again gets the same answer, because a phone may have lost the first.
        """
        card_id = account.card.card_id

        def job(store: Store) -> PhoneRow | None:
            row = store.ask_one(PHONE, card_id)
            if row is None or not self._proves(row, proof):
                return None
            self._usable(store, card_id)
            renewed = msgspec.structs.replace(row, key_id=self._keys.newest)
            if renewed != row:
                store.write(Change(rows=(renewed,)))
            return renewed

        row = await self._ledger.update(job)
        return self._key(row) if row else None

    def _proves(self, row: PhoneRow, proof: str) -> bool:
        older = (self._keys.card_key(n, row.number, row.generation) for n in self._keys.ids[:-1])
        proofs = [renewal_proof(key) for key in older if key is not None]
        return any([hmac.compare_digest(known.encode(), proof.encode()) for known in proofs])

    async def offer(
        self, account: Account, *, by: str = "", reason: str = "", approved_by: str = ""
    ) -> str:
        """Return the code of a link that gives the card to the first phone that takes it.

        It is good for LINK_TTL_S and once, and ends with whatever moves the card, with its
        revocation, and with a newer link. Only its hash is kept. What is said of it goes into
        the ledger when it is taken.
        """
        card_id = account.card.card_id

        def read(store: Store) -> int:
            self._usable(store, card_id)
            return _generation(store, card_id)

        generation = await self._ledger.read(read)
        code = secrets.token_urlsafe(TOKEN_BYTES)
        self._links.drop(self._link_of.get(card_id) or "")
        self._links.put(_hashed(code), _Offer(card_id, generation, by, reason, approved_by))
        self._link_of.put(card_id, _hashed(code))
        return code

    async def is_offered(self, code: str) -> bool:
        """Whether a link is still good."""
        offer = self._links.get(_hashed(code))
        return offer is not None and offer.generation == await self._ledger.read(
            lambda store: _generation(store, offer.card_id)
        )

    async def accept(self, code: str) -> Binding | None:
        """Give the card of a link to the phone that opened it, or None when it is not good."""
        offer = self._links.get(_hashed(code))
        if offer is None:
            return None
        self._links.drop(_hashed(code))
        token = secrets.token_urlsafe(TOKEN_BYTES)

        def job(store: Store) -> PhoneRow | None:
            if _generation(store, offer.card_id) != offer.generation:
                return None
            card = self._usable(store, offer.card_id)
            who = {"by": offer.by, "reason": offer.reason, "approved_by": offer.approved_by}
            return self._hand_over(store, card, "phone bound", token, **who)

        row = await self._ledger.update(job)
        return Binding(token, self._key(row)) if row else None

    async def revoke(
        self, account: Account, *, by: str = "", reason: str = "", approved_by: str = ""
    ) -> int:
        """Make the codes and the page of a lost phone worthless; nobody carries the card then.

        Returns: the generation, which the next phone will be one above. Twice is harmless.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)

        def job(store: Store) -> int:
            card = self._own(store, account.card.card_id)
            who = {"by": by, "reason": reason, "approved_by": approved_by}
            row = self._hand_over(store, card, "phone revoked", token, **who)
            return row.generation

        return await self._ledger.update(job)

    async def simulated_code(self, number: str, prefix: str) -> str:
        """Return what the phone of a sample customer shows now, or "" before the card is issued.

        number: of the card. A card that no phone carries is given to the simulated one. For the
                sample customer only: a real phone is told its key once, and makes its own codes.
        """

        def job(store: Store) -> PhoneRow | None:
            card = store.ask_one(CARD_BY_IDENTIFIER, "number", number)
            if card is None:
                return None
            row = store.ask_one(PHONE, card.card_id)
            if row is None or row.key_id not in self._keys.ids:
                return self._hand_over(store, card, "phone bound")
            return row

        row = await self._ledger.update(job)
        if row is None:
            return ""
        step = int(self._clock.now().timestamp()) // PERIOD_S
        return compose(prefix, row.number, self._key(row).key, step)

    async def moved_card(self, token: str) -> CardId:
        """Return the card that had this page token before it went to another phone, or was revoked.

        "" where none had it.
        """
        was = token_hash(token).hex()
        found = await self._ledger.read(
            lambda store: store.ask_one(CARD_BY_IDENTIFIER, MOVED_SCHEME, was)
        )
        return found.card_id if found else NO_CARD

    def _hand_over(
        self, store: Store, card: CardRow, event: str, token: str = "", **who: str
    ) -> PhoneRow:
        """Write that another phone, or none, carries the card; ``token`` opens its page then."""
        known = store.ask_one(PHONE, card.card_id)
        # ``last_step`` begins anew: a new phone may be scanned in the half minute of the old one.
        row = PhoneRow(
            card_id=card.card_id,
            number=known.number if known else draw_free(store, PHONE_SCHEME, _draw_number),
            generation=known.generation + 1 if known else 1,
            key_id=self._keys.newest,
        )
        named = {name: value for name, value in who.items() if value}
        at = rfc3339(self._clock.now())
        entry = card_entry(at, card, event, generation=row.generation, **named)
        identifiers = [] if known else [(PHONE_SCHEME, row.number)]
        if token:
            identifiers.append((MOVED_SCHEME, card.token_hash.hex()))
            card = msgspec.structs.replace(card, token_hash=token_hash(token))
        store.write(Change(entry=entry, rows=(*identified(card, identifiers), row)))
        return row

    def _key(self, row: PhoneRow) -> PhoneKey:
        key = self._keys.card_key(row.key_id, row.number, row.generation)
        assert key is not None, "phones are given keys of the newest only"
        return PhoneKey(row.number, row.generation, key, row.key_id)

    def _usable(self, store: Store, card_id: CardId) -> CardRow:
        card = self._own(store, card_id)
        refuse_unusable(card, rfc3339(self._clock.now()))
        return card

    def _own(self, store: Store, card_id: CardId) -> CardRow:
        card = store.ask_one(CARD, card_id)
        assert card is not None
        if card.kind in self._coupons:
            raise RefusedError(ErrorCode.CARD_BLOCKED, "This is a coupon: no phone carries it.")
        return card


def _generation(store: Store, card_id: CardId) -> int:
    phone = store.ask_one(PHONE, card_id)
    return phone.generation if phone else 0


def _draw_number() -> str:
    return str(secrets.randbelow(10**NUMBER_DIGITS)).zfill(NUMBER_DIGITS)


def _hashed(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
