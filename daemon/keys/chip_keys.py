"""The shop's keys for chips, and the file that holds them."""

import hmac
import os
import secrets
import tomllib
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Protocol

import msgspec

from card_formats.chip.card_master import CardMaster
from card_formats.chip.purse import GENERATION_MAX, KEY_GENERATIONS_MAX, TillKey
from card_formats.chip.purse_issue import CardKeys
from card_formats.chip.purse_layout import (
    CARD_KEY,
    DEBIT_KEY,
    KEYS,
    LOAD_KEY,
    MASTER_KEY,
    READ_KEY,
    diversification_input,
)
from card_formats.crypto import KEY_BYTES as AES_KEY_BYTES
from card_formats.crypto import diversify, diversify_by
from daemon.base.regular_files import read_text_file
from daemon.keys.key_files import KeyFileError, TokenSettings, check_mode, write_key_file

TOKEN_PREFIX = "token:"
SUN_KEY_NUMBER_MAX = 4  # NTAG 424 DNA has five keys


class KeyGeneration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shop's keys of one generation, 16 bytes in hex; "" for one that this till must not have.

    In place of a key ``token:LABEL`` may stand, where the file has a ``[token]``.

    version: of the generation, written on every card with its keys.
    """

    version: Annotated[int, msgspec.Meta(ge=1, le=GENERATION_MAX)]
    debit: str
    load: str = ""
    read: str = ""
    master: str = ""

    def __repr__(self) -> str:
        """Hide the keys."""
        return f"KeyGeneration({self.version})"


class SunKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of tags with a rolling link: ``meta`` is every tag's, ``file`` is diversified.

    number: of the file key on the tag. With it each tag is authenticated by that key as well.
    """

    meta: str
    file: str
    number: Annotated[int, msgspec.Meta(ge=0, le=SUN_KEY_NUMBER_MAX)] | None = None

    def __repr__(self) -> str:
        """Hide the keys."""
        return "SunKeys()"


class _ChipKeyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    system: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    tag_password: str = ""
    generation: tuple[KeyGeneration, ...]
    sun: SunKeys | None = None
    token: TokenSettings | None = None


class Token(Protocol):
    """A key store that encrypts with its keys and does not reveal them."""

    def encrypt(self, label: str, iv: bytes, blocks: bytes) -> bytes:
        """Encrypt whole blocks under the key ``label``, AES-CBC. Raises KeyFileError."""
        ...


class ChipKeys:
    """The shop's keys for chips. Each card has its own, diversified by its UID (NXP AN10922).

    Every key number has a master of its own, so that a till which only debits can be given no
    more than that. The last generation is the one that cards are made with; the one before it is
    accepted while cards are being renewed.
    """

    def __init__(self, file: _ChipKeyFile, token: Token | None = None) -> None:
        self._token = token
        self._system = file.system.encode("ascii")
        self._generations = file.generation
        self._sun = file.sun
        self._tag_password = file.tag_password

    @property
    def versions(self) -> tuple[int, ...]:
        """Return the generations, oldest first."""
        return tuple(one.version for one in self._generations)

    @property
    def may_load(self) -> bool:
        """Whether this till may add to a card."""
        return bool(self._generations[-1].load)

    def till_key(self, uid: bytes) -> TillKey:
        """Return the load key of a card where this till has one, else its debit key."""
        number = LOAD_KEY if self.may_load else DEBIT_KEY
        return TillKey(
            number,
            {
                one.version: self._diversified(one, number, uid)
                for one in self._generations
                if self._secret(one, number)
            },
        )

    def card_keys(self, uid: bytes, generation: int | None = None) -> CardKeys:
        """Return all four keys of a card, of the newest generation unless told.

        Raises: KeyFileError where the file has not all of them.
        """
        wanted = self.versions[-1] if generation is None else generation
        (one,) = (one for one in self._generations if one.version == wanted)
        if not all(self._secret(one, number) for number in range(KEYS)):
            raise KeyFileError("This till's key file has not all keys; cards are made elsewhere.")
        secrets_by_number = tuple(self._diversified(one, number, uid) for number in range(KEYS))
        zero, first, second, third = secrets_by_number
        return CardKeys(one.version, (zero, first, second, third))

    def card_master(self, uid: bytes, generation: int | None = None) -> CardMaster:
        """Return the card's own master key, of the newest generation unless told.

        It is made from the shop's ``master``, which `card_keys` asks for too.
        """
        wanted = self.versions[-1] if generation is None else generation
        (one,) = (one for one in self._generations if one.version == wanted)
        if not one.master:
            raise KeyFileError("This till's key file has not all keys; cards are made elsewhere.")
        card = diversification_input(uid, self._system, CARD_KEY)
        return CardMaster(one.version, self._diversify(one.master, card))

    @property
    def sun_meta(self) -> bytes | None:
        """Return the key that opens every tag's rolling link, if the shop has such tags."""
        return bytes.fromhex(self._sun.meta) if self._sun else None

    @property
    def sun_number(self) -> int | None:
        """Return the number of the file key on the shop's tags, where they are authenticated."""
        return self._sun.number if self._sun else None

    def sun_file(self, uid: bytes) -> bytes:
        """Return the key that one tag's rolling link is made with."""
        assert self._sun is not None
        return self._diversify(self._sun.file, uid + self._system)

    def tag_password(self, uid: bytes) -> tuple[bytes, bytes] | None:
        """Return a tag's password and its acknowledgement, if the shop has such tags."""
        if not self._tag_password:
            return None
        proof = self._diversify(self._tag_password, uid + self._system)
        return proof[:4], proof[4:6]

    def mark(self, uid: bytes, generation: int) -> bytes:
        """Return a hash of ``uid`` that nobody else can make, 32 bytes; every till has its key."""
        return hmac.digest(self._mark_keys[generation], uid, "sha256")

    @cached_property
    def _mark_keys(self) -> dict[int, bytes]:
        card = b"mark" + self._system
        return {one.version: self._diversify(one.debit, card) for one in self._generations}

    def _secret(self, one: KeyGeneration, number: int) -> str:
        return {MASTER_KEY: one.master, READ_KEY: one.read, DEBIT_KEY: one.debit}.get(
            number, one.load
        )

    def _diversified(self, one: KeyGeneration, number: int, uid: bytes) -> bytes:
        card = diversification_input(uid, self._system, number)
        return self._diversify(self._secret(one, number), card)

    def _diversify(self, master: str, card: bytes) -> bytes:
        """Return a key of one card: the one place where a master key is used.

        master: sixteen bytes in hex, or TOKEN_PREFIX and the label of a key on the token.
        """
        if not master.startswith(TOKEN_PREFIX):
            return diversify(bytes.fromhex(master), card)
        assert self._token is not None
        encrypt = partial(self._token.encrypt, master.removeprefix(TOKEN_PREFIX))
        return diversify_by(encrypt, card)


def make_chip_keys(path: Path, system: str = "tillcard") -> None:
    """Make a key file with new keys. Raises FileExistsError: lost keys are lost cards."""
    lines = [
        "# The shop's keys for chips. Whoever has this file can make and change money.",
        "# Give a till that only debits a copy without load, read and master.",
        f'system = "{system}"',
        f'tag_password = "{secrets.token_hex(AES_KEY_BYTES)}"',
        "",
        *_generation_lines(1),
        "",
        "[sun]",
        *(f'{name} = "{secrets.token_hex(AES_KEY_BYTES)}"' for name in ("meta", "file")),
        "# number = 1  # of the file key on the tags: then each tag is authenticated too",
    ]
    write_key_file(path, "\n".join(lines) + "\n")


def add_chip_keys(path: Path) -> int:
    """Add a generation of new keys to a key file; return its number.

    Raises: KeyFileError where two are accepted already, or no more can be numbered.
    """
    known = load_chip_keys(path).versions
    newest = max(known) + 1
    if len(known) >= KEY_GENERATIONS_MAX or newest > GENERATION_MAX:
        raise KeyFileError(
            f"{path} holds generations {known}: when `tillcard cards migrate` has seen every"
            " card, take the older out of the file; the highest possible number is"
            f" {GENERATION_MAX}."
        )
    written = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        written.unlink()
    text = read_text_file(path).rstrip("\n")
    write_key_file(written, "\n".join((text, "", *_generation_lines(newest), "")))
    os.replace(written, path)
    return newest


def _generation_lines(version: int) -> list[str]:
    names = ("debit", "load", "read", "master")
    keys = (f'{name} = "{secrets.token_hex(AES_KEY_BYTES)}"' for name in names)
    return ["[[generation]]", f"version = {version}", *keys]


def load_chip_keys(path: Path) -> ChipKeys:
    """Read a key file. Raises KeyFileError."""
    if not path.exists():
        raise KeyFileError(f"There is no {path}; `tillcard cards keys` makes one.")
    check_mode(path)
    try:
        raw = tomllib.loads(read_text_file(path))
        file = msgspec.convert(raw, _ChipKeyFile)
    except (ValueError, msgspec.ValidationError, RecursionError) as error:
        raise KeyFileError(f"{path} is no key file: {error}") from None
    versions = [generation.version for generation in file.generation]
    if not 1 <= len(versions) <= KEY_GENERATIONS_MAX or len(set(versions)) < len(versions):
        raise KeyFileError(f"{path} must hold 1 to {KEY_GENERATIONS_MAX} generations of keys.")
    if not all(map(_is_key, _keys_in(file))):
        raise KeyFileError(f"{path}: a key is {AES_KEY_BYTES} bytes in hex.")
    return ChipKeys(file, _open_token(file.token, path.parent) if file.token else None)


def _keys_in(file: _ChipKeyFile) -> list[str]:
    """Return what must be a key in hex: all but the labels of keys on a token."""
    keys = [generation.debit for generation in file.generation]
    for generation in file.generation:  # a till that only debits has no more than the debit key
        keys += filter(None, (generation.load, generation.read, generation.master))
    keys += [file.sun.file] if file.sun else []
    keys += [file.tag_password] if file.tag_password else []
    if file.token is not None:
        keys = [key for key in keys if not key.startswith(TOKEN_PREFIX)]
    # Every tag's link is opened with ``sun.meta`` itself: it is never diversified, so a token,
    # which only encrypts, cannot hold it.
    return keys + ([file.sun.meta] if file.sun else [])


def _open_token(settings: TokenSettings, home: Path) -> Token:
    try:
        from daemon.keys.pkcs11_token import KeyToken  # an optional extra
    except ImportError as error:
        raise KeyFileError("A [token] needs: pip install 'tillcard[pkcs11]'") from error
    return KeyToken(settings, home)


def _is_key(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == AES_KEY_BYTES
    except ValueError:
        return False
