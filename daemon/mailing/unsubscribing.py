"""The address by which a customer ends messages of a channel, without signing in.

    https://card.example/u/<whose and which><HMAC>

It is in every e-mail, for as long as the e-mail is: nothing is kept for it, and nobody can make one
without the shop's key. Opening it changes nothing, because scanners of mail open every link; what
is sent by its button, or by a mail program's own, ends the consent.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId
from daemon.base.refusals import RefusedError
from daemon.customers.consents import consent_change
from daemon.customers.customers import known_account
from daemon.customers.questionnaire import ALL_CHANNELS
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.customer_queries import CONSENTS_OF
from daemon.ledger.storage.customer_rows import ConsentRow
from daemon.ledger.storage.store import Store
from daemon.mailing.message_text import CHANNELS, POST

TOKEN_PATTERN = r"[A-Za-z0-9_-]{24,256}"
_MAC_BYTES, _MAC_CHARS = 16, 22
_WHAT = b"unsubscribe"


class Whose(NamedTuple):
    """Whose messages of which channel a token is about."""

    account: AccountId
    channel: str


def token_of(key: bytes, whose: Whose) -> str:
    """Return the token of an account and a channel."""
    said = f"{whose.channel}/{whose.account}".encode()
    return _text(said) + _text(_mac(key, said))


def read_token(key: bytes, token: str) -> Whose | None:
    """Return what a token is about, or None for one that this shop has not made."""
    said, mac = token[:-_MAC_CHARS], token[-_MAC_CHARS:]
    try:
        raw = urlsafe_b64decode(said + "=" * (-len(said) % 4))
        given = urlsafe_b64decode(mac + "==")
        channel, slash, account = raw.decode().partition("/")
    except (Base64Error, ValueError):
        return None
    if not hmac.compare_digest(given, _mac(key, raw)) or not slash or channel not in CHANNELS:
        return None
    whose = Whose(AccountId(account), channel)
    return whose if token == token_of(key, whose) else None


def _mac(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, _WHAT + b"\0" + said, hashlib.sha256)[:_MAC_BYTES]


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


class Unsubscribing:
    """Makes the addresses and takes what they send.

    purpose: the consent that allows messages. site: where customers reach the shop's pages, or "".
    """

    def __init__(
        self,
        ledger: Ledger,
        key: bytes,
        purpose: str,
        clock: Clock,
        site: Callable[[], str],
    ) -> None:
        self._ledger = ledger
        self._key = key
        self._purpose = purpose
        self._clock = clock
        self._site = site

    def address(self, account: AccountId, channel: str) -> str:
        """Return the address for a customer, or "" where the shop has no pages."""
        site = self._site()
        return f"{site}/u/{token_of(self._key, Whose(account, channel))}" if site else ""

    def channel_of(self, token: str) -> str:
        """Return the channel that a token ends, or "" where it is none of this shop's."""
        whose = read_token(self._key, token)
        return whose.channel if whose else ""

    async def end(self, token: str) -> str:
        """End a customer's messages of a channel; return the channel, or "" as `channel_of`.

        Twice is harmless, and so is one of somebody who was erased. Raises: RefusedError.
        """
        whose = read_token(self._key, token)
        if whose is None:
            return ""
        at = rfc3339(self._clock.now())

        def job(store: Store) -> None:
            for row in self._given(store, whose):
                ended = msgspec.structs.replace(
                    row, given=0, at=max(at, row.at), source="unsubscribe", operator=""
                )
                store.write(consent_change(ended, at, row))

        await self._ledger.update(job)
        return whose.channel

    def _given(self, store: Store, whose: Whose) -> list[ConsentRow]:
        """Return what allows the messages; a letter is allowed by any channel."""
        try:
            account = known_account(store, whose.account)
        except RefusedError:
            return []
        ending = CHANNELS if whose.channel == POST else (whose.channel,)
        return [
            row
            for row in store.ask(CONSENTS_OF, account)
            if row.purpose == self._purpose and row.given and row.channel in (*ending, ALL_CHANNELS)
        ]
