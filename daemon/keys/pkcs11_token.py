"""The shop's chip keys on a PKCS#11 token, which never reveals them: an optional extra."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pkcs11

from daemon.base.regular_files import read_text_file
from daemon.keys.key_files import KeyFileError, TokenSettings, check_mode


class KeyToken:
    """An open token. Its AES keys are named by their labels; they need only be able to encrypt."""

    def __init__(self, settings: TokenSettings, home: Path) -> None:
        """Log in. Raises KeyFileError."""
        self._turn = threading.Lock()
        pin_file = home / settings.pin_file
        with _told("cannot be opened"):
            check_mode(pin_file)
            pin = read_text_file(pin_file).strip()
            token = pkcs11.lib(settings.module).get_token(token_label=settings.label)
            try:
                self._session = token.open(user_pin=pin)
            except pkcs11.exceptions.UserAlreadyLoggedIn:  # a login is the whole process's
                self._session = token.open()

    def encrypt(self, label: str, iv: bytes, blocks: bytes) -> bytes:
        """Encrypt whole blocks under the key ``label``, AES-CBC. Raises KeyFileError."""
        with self._turn, _told(f"cannot use its key {label!r}"):
            # Which mixins a key has depends on what the token lets it do.
            key: Any = self._session.get_key(pkcs11.ObjectClass.SECRET_KEY, label=label)
            cipher: bytes = key.encrypt(
                blocks, mechanism=pkcs11.Mechanism.AES_CBC, mechanism_param=iv
            )
            return cipher


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except (pkcs11.PKCS11Error, OSError, RuntimeError) as error:
        reason = str(error) or type(error).__name__
        raise KeyFileError(f"The key token {what}: {reason}.") from error
