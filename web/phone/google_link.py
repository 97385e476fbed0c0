"""Google Wallet's save links, signed with the shop's service account."""

from pathlib import Path

import jwt
import msgspec

from card_formats.phone.google_wallet import LINK_CHARS_MAX, SAVE, LoyaltyCard, claims
from daemon.base.regular_files import read_file, without_mark
from web.web_settings import WalletError


class GoogleAccountError(WalletError):
    """The service account's file is unusable; the text says why."""


class ServiceAccount(msgspec.Struct, frozen=True):
    """What is read of a service account's key file, as Google's console makes it."""

    client_email: str
    private_key: str

    def __repr__(self) -> str:
        """Hide the key."""
        return f"ServiceAccount({self.client_email})"

    @classmethod
    def load(cls, path: Path) -> "ServiceAccount":
        """Read the JSON file, which others must not be able to read. Raises GoogleAccountError."""
        try:
            if path.stat().st_mode & 0o077:
                raise GoogleAccountError(f"{path} can be read by others; chmod 600 it.")
            account = msgspec.json.decode(without_mark(read_file(path)), type=cls)
            jwt.encode({}, account.private_key, algorithm="RS256")
        except (OSError, msgspec.DecodeError, jwt.PyJWTError, ValueError, TypeError) as error:
            raise GoogleAccountError(f"{path} is no service account's file: {error}") from error
        return account


def save_link(account: ServiceAccount, card: LoyaltyCard, *, now_s: int, origin: str) -> str:
    """Return the address that puts ``card`` into Google Wallet.

    A name that would make the token longer than LINK_CHARS_MAX is left out, then the balance.
    """
    token = _signed(account, card, now_s, origin)
    for left_out in ({"name": ""}, {"balance": ""}):
        if len(token) > LINK_CHARS_MAX:
            card = msgspec.structs.replace(card, **left_out)
            token = _signed(account, card, now_s, origin)
    return SAVE + token


def _signed(account: ServiceAccount, card: LoyaltyCard, now_s: int, origin: str) -> str:
    payload = claims(card, issuer=account.client_email, issued_at_s=now_s, origin=origin)
    return jwt.encode(payload, account.private_key, algorithm="RS256")
