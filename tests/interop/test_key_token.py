"""The shop's keys on a PKCS#11 token that somebody else wrote: SoftHSM2."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, ObjectClass

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.keys.chip_keys import ChipKeys, load_chip_keys, make_chip_keys
from daemon.keys.key_files import KeyFileError
from tests.support.chip_till import LOADED, Wallet, hand_till, make_home
from tests.support.clock import HandClock

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN = "135790"
LABELS = [f"shop-{number}" for number in range(9)]
"""A token for each test: who has logged in to one stays so for the whole process."""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SoftHSM2 with a token of its own; the library reads its configuration once a process."""
    found = [path for path in MODULES if Path(path).exists()]
    assert found, "SoftHSM2 is not installed: run packaging/system-packages.sh test"
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(conf))
        for label in LABELS:
            words = ["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN]
            subprocess.run(["softhsm2-util", *words], check=True, capture_output=True)
        yield found[0]


def put(module: str, on: str, label: str, value: bytes) -> None:
    """Put a key on the token, from where it cannot be had any more."""
    token = pkcs11.lib(module).get_token(token_label=on)
    with token.open(rw=True, user_pin=PIN) as session:
        session.create_object(
            {
                Attribute.CLASS: ObjectClass.SECRET_KEY,
                Attribute.KEY_TYPE: KeyType.AES,
                Attribute.VALUE: value,
                Attribute.LABEL: label,
                Attribute.TOKEN: True,
                Attribute.PRIVATE: True,
                Attribute.SENSITIVE: True,
                Attribute.EXTRACTABLE: False,
                Attribute.ENCRYPT: True,
            }
        )


class TwoFiles:
    """The same keys twice: in a file, and on the token with a file that only names them."""

    def __init__(self, home: Path, module: str, on: str) -> None:
        plain, self.path = home / "plain.keys", home / "chip.keys"
        make_chip_keys(plain)
        text = plain.read_text("utf-8")
        for name, value in re.findall(r'^(debit|load|read|master|file) = "(\w+)"', text, re.M):
            put(module, on, name, bytes.fromhex(value))
            text = text.replace(value, f"token:{name}")
        pin = home / "token.pin"
        pin.write_text(f"{PIN}\n")
        pin.chmod(0o600)
        text += f'\n[token]\nmodule = "{module}"\nlabel = "{on}"\npin_file = "token.pin"\n'
        self.path.write_text(text, "utf-8")
        self.path.chmod(0o600)
        self.in_file = load_chip_keys(plain)

    def on_token(self) -> ChipKeys:
        return load_chip_keys(self.path)


@pytest.fixture(scope="module")
def tokens() -> Iterator[str]:
    return iter(LABELS)


@pytest.fixture
def files(tmp_path: Path, module: str, tokens: Iterator[str]) -> TwoFiles:
    (tmp_path / "keys").mkdir()
    return TwoFiles(tmp_path / "keys", module, next(tokens))


def test_a_token_gives_every_card_the_keys_that_a_file_gives(files: TwoFiles) -> None:
    on_token = files.on_token()
    for seed in range(5):
        uid = Random(seed).randbytes(7)
        assert on_token.card_keys(uid) == files.in_file.card_keys(uid)
        assert on_token.till_key(uid) == files.in_file.till_key(uid)
        assert on_token.sun_file(uid) == files.in_file.sun_file(uid)
    assert files.in_file.mark(b"a chip", 1) == on_token.mark(b"a chip", 1)
    assert not re.findall(r'(?:debit|load|read|master|file) = "\w{32}"', files.path.read_text())


async def test_a_till_sells_with_keys_that_it_never_sees(files: TwoFiles, tmp_path: Path) -> None:
    wallet, clock = Wallet(files.in_file, Random(3)), HandClock()
    await make_home(tmp_path / "till", [wallet], clock, tmp_path / "keys")
    async with hand_till(tmp_path / "till", clock, keys=files.on_token()) as till:
        await till.buy("s1", (await till.tap(wallet)).presentation, 700)
    assert wallet.balance == LOADED - 700


async def test_a_token_that_fails_is_told_to_the_cashier(files: TwoFiles, tmp_path: Path) -> None:
    wallet, clock = Wallet(files.in_file, Random(3)), HandClock()
    await make_home(tmp_path / "till", [wallet], clock, tmp_path / "keys")
    text = files.path.read_text("utf-8")
    files.path.write_text(text.replace("token:load", "token:lost"), "utf-8")
    async with hand_till(tmp_path / "till", clock, keys=files.on_token()) as till:
        with pytest.raises(RefusedError) as caught:
            await till.tap(wallet)
    assert caught.value.code is ErrorCode.NO_HARDWARE
    assert "cannot use its key 'lost'" in caught.value.detail


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('label = "shop', 'label = "other', "cannot be opened"),
        ('module = "', 'module = "/nowhere', "cannot be opened"),
        ('pin_file = "token.pin"', 'pin_file = "none.pin"', "cannot be opened"),
        ("[token]", "[tokens]", "is no key file"),
    ],
)
def test_a_token_that_cannot_be_opened_is_a_sentence_at_the_start(
    files: TwoFiles, old: str, new: str, sentence: str
) -> None:
    files.path.write_text(files.path.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(KeyFileError, match=sentence):
        files.on_token()


def test_a_wrong_or_open_pin_is_refused(files: TwoFiles) -> None:
    pin = files.path.with_name("token.pin")
    pin.write_text("000000")
    with pytest.raises(KeyFileError, match="cannot be opened"):
        files.on_token()
    pin.chmod(0o644)
    with pytest.raises(KeyFileError, match="can be read by others"):
        files.on_token()


def test_a_label_without_a_token_is_no_key(files: TwoFiles) -> None:
    text = files.path.read_text("utf-8")
    files.path.write_text(text[: text.index("[token]")], "utf-8")
    with pytest.raises(KeyFileError, match="16 bytes in hex"):
        files.on_token()
