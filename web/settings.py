"""What a shop can set about its phone pages."""

import re
from typing import Literal

import msgspec

PUBLIC_URL = re.compile(r"https?://[^/\s?#]+")

PORT_MAX = 65_535


class WebSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The phone pages of one shop.

    port:               0 takes a free one.
    https:              customers reach these pages over HTTPS (a proxy in front ends it); cookies
                        are then marked Secure.
    public_url:         where customers reach these pages, such as ``https://card.example``, if not
                        at ``host`` and ``port``; links and passes carry it.
    proxies:            addresses of such proxies; only theirs is ``X-Forwarded-For`` believed.
    anonymous:          whether a card is given for an empty form; else ``name`` and ``phone`` are
                        asked for.
    marketing_channels: the consents offered, of sms, viber and email.
    phone_prefix:       the country's, put in place of a leading 0.
    joins_max:          forms one address may send in ``joins_per_s``; a shop's own Wi-Fi is one
                        address for all its customers. The next is answered 429.
    body_timeout_s:     how long a form may take to arrive; then 408.
    """

    shop_name: str = "Our shop"
    host: str = "127.0.0.1"
    port: int = 8480
    https: bool = False
    public_url: str = ""
    proxies: frozenset[str] = frozenset()
    language: Literal["en", "uk"] = "en"
    anonymous: bool = True
    marketing_channels: tuple[Literal["sms", "viber", "email"], ...] = ("sms", "viber", "email")
    phone_prefix: str = "+380"
    joins_max: int = 60
    joins_per_s: float = 600
    body_timeout_s: float = 15

    def __post_init__(self) -> None:
        if not 0 <= self.port <= PORT_MAX:
            raise ValueError(f"port must be 0 to {PORT_MAX}")
        if self.public_url and not PUBLIC_URL.fullmatch(self.public_url):
            raise ValueError("public_url is like https://card.example, without a slash at its end")
