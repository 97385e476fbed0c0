"""The shop's keys for chips: one file, two generations, and each card a key of its own."""

import re
from pathlib import Path

import pytest

from card_formats.chip.purse_layout import DEBIT_KEY, LOAD_KEY
from daemon.keys.chip_keys import ChipKeys, add_chip_keys, load_chip_keys, make_chip_keys
from daemon.keys.key_files import KeyFileError

UID, OTHER_UID = bytes.fromhex("04A1B2C3D4E580"), bytes.fromhex("04A1B2C3D4E581")
KEY = "ab" * 16


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "chip.keys"
    make_chip_keys(path)
    return path


def without(path: Path, *names: str) -> ChipKeys:
    """Take keys out of the file, as for a till that must not have them."""
    text = path.read_text("utf-8")
    for name in names:
        text = re.sub(rf"^{name} = .*\n", "", text, flags=re.MULTILINE)
    path.write_text(text, "utf-8")
    return load_chip_keys(path)


def test_a_new_file_is_its_owner_s_and_has_every_key(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    keys = load_chip_keys(path)
    assert (keys.versions, keys.may_load) == ((1,), True)
    assert keys.sun_meta is not None
    assert keys.tag_password(UID) is not None
    with pytest.raises(FileExistsError):
        make_chip_keys(path)


def test_every_card_every_purpose_and_every_shop_has_a_key_of_its_own(
    path: Path, tmp_path: Path
) -> None:
    make_chip_keys(tmp_path / "other.keys")
    keys, other_shop = load_chip_keys(path), load_chip_keys(tmp_path / "other.keys")
    found = [
        secret
        for shop in (keys, other_shop)
        for uid in (UID, OTHER_UID)
        for secret in (*shop.card_keys(uid).secrets, shop.sun_file(uid))
    ]
    assert len(set(found)) == len(found)
    assert keys.card_keys(UID) == load_chip_keys(path).card_keys(UID)


def test_a_second_generation_is_added_accepted_and_the_last_that_fits(path: Path) -> None:
    first = load_chip_keys(path)
    assert add_chip_keys(path) == 2
    both = load_chip_keys(path)
    assert both.versions == (1, 2)
    assert both.card_keys(UID).generation == 2, "cards are made with the newest"
    assert both.card_keys(UID, 1) == first.card_keys(UID)
    assert both.card_master(UID, 1) == first.card_master(UID)
    assert both.card_master(UID).generation == 2
    assert both.card_master(UID).secret not in both.card_keys(UID).secrets
    assert set(both.till_key(UID).by_generation) == {1, 2}
    before = path.read_text("utf-8")
    with pytest.raises(KeyFileError, match="take the older out"):
        add_chip_keys(path)
    assert path.read_text("utf-8") == before


def test_a_till_without_the_load_key_only_debits_and_makes_no_cards(path: Path) -> None:
    whole = load_chip_keys(path)
    assert whole.till_key(UID).number == LOAD_KEY
    debits = without(path, "load", "read", "master")
    assert (debits.may_load, debits.till_key(UID).number) == (False, DEBIT_KEY)
    with pytest.raises(KeyFileError, match="has not all keys"):
        debits.card_keys(UID)
    with pytest.raises(KeyFileError, match="not all keys"):
        debits.card_master(UID)


def test_what_a_shop_does_not_have_is_none(path: Path) -> None:
    text = path.read_text("utf-8")
    path.write_text(text[: text.index("[sun]")], "utf-8")
    keys = without(path, "tag_password")
    assert (keys.sun_meta, keys.tag_password(UID)) == (None, None)


def test_a_mark_is_of_one_generation_of_one_shop_s_keys(path: Path, tmp_path: Path) -> None:
    make_chip_keys(tmp_path / "other.keys")
    old = load_chip_keys(path).mark(UID, 1)
    add_chip_keys(path)
    keys = load_chip_keys(path)
    assert keys.mark(UID, 1) == old
    marks = {old, keys.mark(UID, 2), keys.mark(OTHER_UID, 1)}
    assert len(marks | {load_chip_keys(tmp_path / "other.keys").mark(UID, 1)}) == 4
    assert without(path, "load", "read", "master").mark(UID, 1) == old, "every till can make it"


def test_no_key_is_shown_by_what_holds_it(path: Path) -> None:
    keys = load_chip_keys(path)
    of_shop = re.findall(r'"([0-9a-f]{32})"', path.read_text("utf-8"))
    of_card = [*keys.card_keys(UID).secrets, *keys.till_key(UID).by_generation.values()]
    assert (len(of_shop), len(of_card)) == (7, 5)
    shown = f"{keys} {keys.card_keys(UID)} {keys.till_key(UID)}"
    for secret in (*of_shop, *(key.hex() for key in of_card), *map(repr, of_card)):
        assert secret not in shown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no toml", "is no key file"),
        ('system = "x"', "is no key file"),
        ('system = "x"\ngeneration = []', "must hold 1 to 2 generations"),
        (f'system = "x"\n[[generation]]\nversion = 1\ndebit = "{KEY}0"', "16 bytes in hex"),
        (f'system = "x"\n[[generation]]\nversion = 1\ndebit = "{KEY}"\nlod = "x"', "lod"),
        ('system = "x"\n[[generation]]\nversion = 1\ndebit = "token:d"', "16 bytes in hex"),
        (f'system = ""\n[[generation]]\nversion = 1\ndebit = "{KEY}"', "system"),
        (2 * f'[[generation]]\nversion = 1\ndebit = "{KEY}"\n', "system"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(path: Path, text: str, says: str) -> None:
    path.write_text(text, "utf-8")
    with pytest.raises(KeyFileError, match=says) as caught:
        load_chip_keys(path)
    assert KEY not in str(caught.value)


def test_the_same_generation_twice_is_refused(path: Path) -> None:
    one = f'[[generation]]\nversion = 1\ndebit = "{KEY}"\n'
    path.write_text(f'system = "x"\n{one}{one}', "utf-8")
    with pytest.raises(KeyFileError, match="generations"):
        load_chip_keys(path)


def test_no_file_says_how_one_is_made(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="tillcard cards keys"):
        load_chip_keys(tmp_path / "none.keys")
