"""Which phone carries a card: one at a time, each with a key of its own."""

import hashlib
import hmac
import secrets

import msgspec

from card_formats.phone.rotating import NUMBER_DIGITS, PERIOD_S, compose, renewal_proof
from daemon.accounts.cards import TOKEN_BYTES, Account, token_hash
from daemon.accounts.rotating import PHONE_SCHEME
from daemon.clock import Clock, rfc3339
from daemon.errors import ErrorCode, RefusedError
from daemon.keys import PhoneKeys
from daemon.ledger.entries import Entry
from daemon.ledger.ledger import Ledger
from daemon.ledger.store import CardRow, Change, PhoneRow, Store
from daemon.shelf import Shelf

LINK_TTL_S = 600
LINKS_MAX = 1_000
"""Links that wait for a phone; one more and the oldest is dead. They end with the daemon, too."""
NUMBER_DRAWS_MAX = 20


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
    card_id: str
    by: str
    reason: str


class Phones:
    """Gives cards to phones, each with a key that derives from one of the shop's ``keys``."""

    def __init__(self, ledger: Ledger, clock: Clock, keys: PhoneKeys) -> None:
        self._ledger = ledger
        self._clock = clock
        self._keys = keys
        self._links: Shelf[_Offer] = Shelf(clock, ttl_s=LINK_TTL_S, size_max=LINKS_MAX)

    @property
    def newest_key(self) -> int:
        """Return the id of the shop's key that phones are given now."""
        return self._keys.newest

    async def bind_first(self, account: Account) -> PhoneKey | None:
        """Give a card that no phone carries yet to the phone that shows its page, else None."""
        card_id = account.card.card_id

        def job(store: Store) -> PhoneRow | None:
            if store.phone(card_id) is not None:
                return None
            return self._hand_over(store, _active(store, card_id), "phone bound")

        row = await self._ledger.update(job)
        return self._key(row) if row else None

    async def renew(self, account: Account, proof: str) -> PhoneKey | None:
        """Give the phone that carries a card its newest key, or None without a right proof.

        proof: ``renewal_proof`` of an older key of this phone that is still accepted. The same
               proof again gets the same answer, because a phone may have lost the first.
        """
        card_id = account.card.card_id

        def job(store: Store) -> PhoneRow | None:
            row = store.phone(card_id)
            if row is None or not self._proves(row, proof):
                return None
            _active(store, card_id)
            renewed = msgspec.structs.replace(row, key_id=self._keys.newest)
            if renewed != row:
                store.write(Change(phone=renewed))
            return renewed

        row = await self._ledger.update(job)
        return self._key(row) if row else None

    def _proves(self, row: PhoneRow, proof: str) -> bool:
        older = (self._keys.card_key(n, row.number, row.generation) for n in self._keys.ids[:-1])
        proofs = [renewal_proof(key) for key in older if key is not None]
        return any([hmac.compare_digest(known.encode(), proof.encode()) for known in proofs])

    def offer(self, account: Account, *, by: str = "", reason: str = "") -> str:
        """Return the code of a link that gives the card to the first phone that takes it.

        It is good for LINK_TTL_S and once. Only its hash is kept. ``by`` and ``reason`` go into
        the ledger when it is taken.
        """
        code = secrets.token_urlsafe(TOKEN_BYTES)
        self._links.put(_hashed(code), _Offer(account.card.card_id, by, reason))
        return code

    def is_offered(self, code: str) -> bool:
        """Whether a link is still good."""
        return self._links.get(_hashed(code)) is not None

    async def accept(self, code: str) -> Binding | None:
        """Give the card of a link to the phone that opened it, or None when it is not good."""
        offer = self._links.get(_hashed(code))
        if offer is None:
            return None
        self._links.drop(_hashed(code))
        token = secrets.token_urlsafe(TOKEN_BYTES)

        def job(store: Store) -> PhoneRow:
            card = _active(store, offer.card_id)
            card = msgspec.structs.replace(card, token_hash=token_hash(token))
            return self._hand_over(store, card, "phone bound", by=offer.by, reason=offer.reason)

        return Binding(token, self._key(await self._ledger.update(job)))

    async def revoke(self, account: Account, *, by: str = "", reason: str = "") -> int:
        """Make the codes and the page of a lost phone worthless; nobody carries the card then.

        Returns: the generation, which the next phone will be one above. Twice is harmless.
        """
        token = token_hash(secrets.token_urlsafe(TOKEN_BYTES))

        def job(store: Store) -> int:
            card = store.card(account.card.card_id)
            assert card is not None
            card = msgspec.structs.replace(card, token_hash=token)
            row = self._hand_over(store, card, "phone revoked", by=by, reason=reason)
            return row.generation

        return await self._ledger.update(job)

    async def simulated_code(self, number: str, prefix: str) -> str:
        """Return what the phone of a sample customer shows now, or "" before the card is issued.

        number: of the card. A card that no phone carries is given to the simulated one. For the
                sample customer only: a real phone is told its key once, and makes its own codes.
        """

        def job(store: Store) -> PhoneRow | None:
            card = store.find_card("number", number)
            if card is None:
                return None
            row = store.phone(card.card_id)
            if row is None or row.key_id not in self._keys.ids:
                return self._hand_over(store, card, "phone bound")
            return row

        row = await self._ledger.update(job)
        if row is None:
            return ""
        step = int(self._clock.now().timestamp()) // PERIOD_S
        return compose(prefix, row.number, self._key(row).key, step)

    def _hand_over(self, store: Store, card: CardRow, event: str, **who: str) -> PhoneRow:
        known = store.phone(card.card_id)
        # ``last_step`` begins anew: a new phone may be scanned in the half minute of the old one.
        row = PhoneRow(
            card_id=card.card_id,
            number=known.number if known else _draw(store),
            generation=known.generation + 1 if known else 1,
            key_id=self._keys.newest,
        )
        said = {name: value for name, value in who.items() if value}
        detail = {"event": event, "generation": row.generation, **said}
        entry = Entry(
            at=rfc3339(self._clock.now()),
            kind="card",
            ref=card.card_id,
            account=card.account,
            detail=msgspec.Raw(msgspec.json.encode(detail)),
        )
        identifiers = () if known else ((PHONE_SCHEME, row.number),)
        store.write(Change(entry=entry, card=card, identifiers=identifiers, phone=row))
        return row

    def _key(self, row: PhoneRow) -> PhoneKey:
        key = self._keys.card_key(row.key_id, row.number, row.generation)
        assert key is not None, "phones are given keys of the newest only"
        return PhoneKey(row.number, row.generation, key, row.key_id)


def _active(store: Store, card_id: str) -> CardRow:
    card = store.card(card_id)
    assert card is not None
    if card.state != "active":
        raise RefusedError(ErrorCode.CARD_BLOCKED, "This card is not active.")
    return card


def _draw(store: Store) -> str:
    for _ in range(NUMBER_DRAWS_MAX):
        number = str(secrets.randbelow(10**NUMBER_DIGITS)).zfill(NUMBER_DIGITS)
        if store.find_card(PHONE_SCHEME, number) is None:
            return number
    raise RefusedError(ErrorCode.LIMIT_REACHED, "The shop has run out of numbers for phones.")


def _hashed(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
