"""What a shop can set about its phone pages."""

import re
from typing import Literal

import msgspec

from daemon.base.config import LanguageCode

PUBLIC_URL = re.compile(r"https?://[^/\s?#]+")

PORT_MAX = 65_535


class WalletError(Exception):
    """A wallet's certificate, key or account is unusable; the text says which and why."""


class AppleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Apple Wallet. Files are PEM and relative to the configuration's folder.

    pass_type, team: as the certificate says them; compared with it at the start.
    intermediate:    Apple's WWDR certificate that issued it, G4 for new ones.
    """

    pass_type: str
    team: str
    certificate: str
    key: str
    intermediate: str
    barcode: Literal["qr", "code128"] = "qr"


class GoogleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Google Wallet. ``account`` is a service account's JSON file; the class is made there."""

    issuer_id: str
    class_id: str
    account: str


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shop's own words for something, by the language that customers read."""

    en: str = ""
    uk: str = ""


class CouponSettings(Words, frozen=True, forbid_unknown_fields=True):
    """Cards of one kind are coupons: the words say what for.

    rule: the programme's rule that they are good for; its text serves where there are no words, and
          its ``per_card`` limit says how often.
    """

    rule: str = ""


class WebSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The phone pages of one shop.

    port:               0 takes a free one.
    certificate, key:   PEM files, relative to the configuration's folder, to serve HTTPS with; the
                        key's must not be readable by others. They are read at the start.
    https:              customers reach these pages over HTTPS because a proxy in front ends it.
                        Either way cookies are then marked Secure.
    public_url:         where customers reach these pages, such as ``https://card.example``, if not
                        at ``host`` and ``port``; links and passes carry it.
    proxies:            addresses of such proxies; only theirs is ``X-Forwarded-For`` believed.
    anonymous:          whether a card is given for an empty form; else ``name`` and ``phone`` are
                        asked for.
    marketing_channels: the consents offered, of sms, viber and email.
    joins_max:          forms one address may send in ``joins_per_s``; a shop's own Wi-Fi is one
                        address for all its customers. The next is answered 429.
    joins_a_day_max:    cards that everybody together is given in 24 hours; the next form is
                        answered 503.
    disk_free_min_mb:   below so many MiB free on the till's disk no card is given, 503.
    requests_per_s:     of everybody together in a second, so that the till comes first; the next
                        is answered 503.
    connections_max, connections_by_address: those at once, in all and from one address that is
                        not of ``proxies``; one more is let go.
    head_timeout_s:     how long a connection may say nothing at its beginning, and how long the
                        head of a request may take; then it is cut.
    body_timeout_s:     how long a form may take to arrive; then 408.
    balances:           what customers call each purse, by its id; without it they see the id.
    stores:             what customers call each store, by the ``[till] store`` of its tills;
                        without it they see that text, or the shop's name where it is a number.
    coupons:            the kinds of cards that are coupons, and what for.
    apple, google:      the wallets that cards can be added to.
    """

    shop_name: str = "Our shop"
    host: str = "127.0.0.1"
    port: int = 8480
    certificate: str = ""
    key: str = ""
    https: bool = False
    public_url: str = ""
    proxies: frozenset[str] = frozenset()
    language: LanguageCode = "en"
    anonymous: bool = True
    marketing_channels: tuple[Literal["sms", "viber", "email"], ...] = ("sms", "viber", "email")
    joins_max: int = 60
    joins_per_s: float = 600
    joins_a_day_max: int = 5_000
    disk_free_min_mb: int = 256
    requests_per_s: int = 200
    connections_max: int = 256
    connections_by_address: int = 64
    head_timeout_s: float = 10
    body_timeout_s: float = 15
    balances: dict[str, Words] = {}
    stores: dict[str, Words] = {}
    coupons: dict[str, CouponSettings] = {}
    apple: AppleSettings | None = None
    google: GoogleSettings | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= PORT_MAX:
            raise ValueError(f"port must be 0 to {PORT_MAX}")
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key come together")
        if self.public_url and not PUBLIC_URL.fullmatch(self.public_url):
            raise ValueError("public_url is like https://card.example, without a slash at its end")
        if self.https and not (self.public_url and self.proxies):
            # Else every customer would be the proxy's address, and share its limits.
            raise ValueError("https says that a proxy ends HTTPS: name public_url and proxies")
        if self.secure and self.public_url.startswith("http:"):
            raise ValueError("public_url begins with https where the pages are served over HTTPS")

    def balance_name(self, purse: str, language: str) -> str:
        """Return what customers call a purse."""
        named: str = getattr(self.balances.get(purse, Words()), language)
        return named or purse[:1].upper() + purse[1:]

    def store_name(self, store: str, language: str) -> str:
        """Return what customers call the store of a till, or "" for no store."""
        named: str = getattr(self.stores.get(store, Words()), language)
        says_something = any(char.isalpha() for char in store)
        return named or (store if says_something or not store else self.shop_name)

    @property
    def secure(self) -> bool:
        """Whether customers reach these pages over HTTPS."""
        return self.https or bool(self.certificate)
