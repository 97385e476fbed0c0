"""A signed head that was kept elsewhere: whatever is done to the ledger before it is found."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.ids import LedgerId
from daemon.keys.key_files import load_or_make
from daemon.keys.signing_keys import SigningKey
from daemon.ledger.audit import audit
from daemon.ledger.entries import GENESIS_HASH, Entry, decode, link
from daemon.ledger.heads import (
    HEAD_FILE_BYTES_MAX,
    Expected,
    HeadError,
    SignedHead,
    decode_head,
    public_key_of,
    read_head,
    sign_head,
)
from daemon.ledger.storage.packing import packed, unpacked
from daemon.ledger.storage.queries import HEAD
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Change, Store
from tests.scenarios.baskets import BASKET
from tests.stores.conftest import OpenHere
from tests.stores.test_audit_of_the_schema import Editor
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import LEDGER, PLASTIC, Pos, begin_ledger, lay_out, open_till

AT = "2026-11-24T08:00:00.000000Z"
KEY, OTHER_KEY = SigningKey(bytes(32)), SigningKey(b"\1" * 32)
ENTRIES = 4


def written(store: Store, *refs: str) -> None:
    for ref in refs:
        store.begin()
        store.write(Change(entry=Entry(at=AT, kind="x", ref=ref)))
        store.commit()


@pytest.fixture
def head(open_here: OpenHere) -> SignedHead:
    """A ledger of ENTRIES entries, its head, and one entry after it."""
    store = open_here()
    written(store, *(f"s{n}" for n in range(ENTRIES)))
    end = store.ask_one(HEAD, store.ledger_id)
    assert end is not None
    head = sign_head(KEY, store.ledger_id, end, AT)
    written(store, "later")
    store.close()
    return head


@pytest.fixture
def editor(head: SignedHead, location: str, tmp_path: Path) -> Iterator[Editor]:
    """Somebody who can write the database, and thinks of the file beside it."""
    for name in ("ledger.db.head", "ledger.head"):
        (tmp_path / name).unlink(missing_ok=True)
    with closing(Editor(location, tmp_path)) as editor:
        yield editor


@pytest.fixture
def found(location: str, tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """What an audit finds, with a head or without."""

    def found(head: SignedHead | None = None, key: SigningKey = KEY) -> tuple[str, ...]:
        signed = Expected(head, key.public) if head else None
        with closing(open_store(location, tmp_path, read_only=True)) as store:
            return audit(store, signed=signed).findings

    return found


Found = Callable[..., tuple[str, ...]]


def rewritten(editor: Editor, refs: dict[int, str], *, upto: int = ENTRIES + 1) -> None:
    """Write the chain anew, with other contents, so that it holds: all that it takes is time."""
    rows = editor.run("SELECT seq, body FROM entry ORDER BY seq")
    before = GENESIS_HASH
    for seq, body in rows:
        if seq > upto:
            editor.run("DELETE FROM entry WHERE seq = ?", (seq,))
            continue
        entry = decode(unpacked(bytes(body)))
        entry = msgspec.structs.replace(entry, ref=refs.get(seq, entry.ref))
        text = msgspec.json.encode(entry)
        before = link(before, seq, text)
        values = (packed(text), before, seq)
        editor.run("UPDATE entry SET body = ?, hash = ? WHERE seq = ?", values)


def test_a_ledger_that_went_on_after_its_head_is_whole(head: SignedHead, found: Found) -> None:
    assert found(head) == ()


@pytest.mark.parametrize("seq", range(1, ENTRIES + 1))
def test_a_row_that_was_changed_is_found(
    seq: int, head: SignedHead, editor: Editor, found: Found
) -> None:
    [(body,)] = editor.run("SELECT body FROM entry WHERE seq = ?", (seq,))
    other = packed(unpacked(bytes(body)).replace(b'"ref":"s', b'"ref":"t'))
    editor.run("UPDATE entry SET body = ? WHERE seq = ?", (other, seq))
    assert any(f"entry {seq}: its hash does not follow" in one for one in found(head))


@pytest.mark.parametrize("seq", range(1, ENTRIES + 1))
def test_a_row_that_was_removed_is_found(
    seq: int, head: SignedHead, editor: Editor, found: Found
) -> None:
    editor.run("DELETE FROM entry WHERE seq = ?", (seq,))
    said = found(head)
    assert any("entries are missing" in one for one in said)
    assert any("the head is of its entry" in one for one in said) is (seq == ENTRIES)


@pytest.mark.parametrize("left", range(ENTRIES))
def test_an_end_that_was_cut_off_is_found_by_the_head_alone(
    left: int, head: SignedHead, editor: Editor, found: Found
) -> None:
    editor.run("DELETE FROM entry WHERE seq > ?", (left,))
    assert found() == ()
    [said] = found(head)
    whole = f"ends with entry {left}; the head is of its entry {ENTRIES}"
    assert said.endswith(whole if left else f"is not here; the head is of its entry {ENTRIES}")


def test_what_came_after_the_head_is_not_proved_by_it(
    head: SignedHead, editor: Editor, found: Found
) -> None:
    editor.run("DELETE FROM entry WHERE seq > ?", (ENTRIES,))
    assert found(head) == ()


@pytest.mark.parametrize("seq", range(1, ENTRIES + 1))
def test_a_chain_that_was_written_anew_is_found_by_the_head_alone(
    seq: int, head: SignedHead, editor: Editor, found: Found
) -> None:
    rewritten(editor, {seq: "other"})
    assert found() == ()
    [said] = found(head)
    assert said.endswith(f"entry {ENTRIES}: is not that of the head; it or one before was changed")


def test_a_chain_that_was_written_anew_and_shorter_is_found_by_the_head_alone(
    head: SignedHead, editor: Editor, found: Found
) -> None:
    rewritten(editor, {1: "other"}, upto=2)
    assert found() == ()
    [said] = found(head)
    assert said.endswith("ends with entry 2; the head is of its entry 4")


def test_a_head_by_another_key_is_found(head: SignedHead, found: Found) -> None:
    for one, key in (
        (head, OTHER_KEY),
        (sign_head(OTHER_KEY, head.ledger_id, (head.seq, bytes.fromhex(head.hash)), AT), KEY),
    ):
        [said] = found(one, key)
        assert said == f"the head is not signed by the key {key.public.raw.hex()}"


@pytest.mark.parametrize(
    "other",
    [
        {"seq": ENTRIES - 1},
        {"hash": "0" * 64},
        {"at": "2026-11-24T09:00:00.000000Z"},
        {"ledger_id": LedgerId("0" * 16)},
        {"signature": "0" * 128},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_head_of_which_one_field_was_changed_is_found(
    other: dict[str, Any], head: SignedHead, found: Found
) -> None:
    said = found(msgspec.structs.replace(head, **other))
    assert f"the head is not signed by the key {KEY.public.raw.hex()}" in said


def test_a_head_of_another_ledger_is_found(head: SignedHead, found: Found) -> None:
    other = sign_head(KEY, LedgerId("0" * 16), (head.seq, bytes.fromhex(head.hash)), AT)
    assert found(other) == (f"ledger {'0' * 16}: is not here; the head is of its entry {ENTRIES}",)


# What a head's file holds.


HEAD_TEXT = msgspec.json.encode(sign_head(KEY, LedgerId("5f" * 8), (1_203, b"\x9a" * 32), AT))


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_a_head_or_our_own_error(text: bytes) -> None:
    try:
        head = decode_head(text)
    except HeadError:
        return
    assert decode_head(msgspec.json.encode(head)) == head


@given(st.data())
def test_a_head_with_any_bytes_exchanged_is_a_head_or_our_own_error(data: st.DataObject) -> None:
    text = bytearray(HEAD_TEXT)
    for at in data.draw(st.lists(st.integers(0, len(text) - 1), min_size=1, max_size=4)):
        text[at] = data.draw(st.integers(0, 255))
    try:
        head = decode_head(bytes(text))
    except HeadError:
        return
    there = Expected(head, KEY.public).findings({head.ledger_id: (2_000, bytes(32))}, b"\x9a" * 32)
    assert (there == []) is (head == decode_head(HEAD_TEXT))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        HEAD_TEXT[:-1],
        HEAD_TEXT.replace(b"1203", b"0"),
        HEAD_TEXT.replace(b"1203", b"9223372036854775808"),
        HEAD_TEXT.replace(b"9a", b"9A"),
        HEAD_TEXT.replace(b'{"', b'{"more":1,"'),
        HEAD_TEXT.replace(b"2026-", b"2026\\n-"),
        HEAD_TEXT + b" " * HEAD_FILE_BYTES_MAX,
    ],
)
def test_what_is_no_head_is_said_to_be_none(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "head").write_bytes(text)
    with pytest.raises(HeadError):
        read_head(tmp_path / "head")


@pytest.mark.parametrize("text", ["", "ab", "G" * 64, "AB" * 32, "0" * 65])
def test_what_is_no_key_is_said_to_be_none(text: str) -> None:
    with pytest.raises(HeadError, match="64 hex characters"):
        public_key_of(text)


# By the shell, at a till.


@pytest.fixture
def home(location: str, tmp_path: Path) -> Path:
    """The folder of a till on this store."""
    home = tmp_path / "home"
    here = location == "ledger.db"
    lay_out(home, **({} if here else {f'ledger = "{LEDGER}"': f'ledger = "{location}"'}))
    begin_ledger(home)
    return home


async def shell(home: Path, *words: str) -> tuple[int, str, str]:
    line = (*words, "--config", str(home / "tillcard.toml"))
    said = await asyncio.to_thread(tillcard, *line)
    return said.exit_code, said.stdout, said.stderr


async def test_a_head_is_written_and_checked_while_the_till_runs_and_after_it(
    home: Path, tmp_path: Path
) -> None:
    status, _, said = await shell(home, "head")
    assert (status, "head.key: the daemon makes it at its first start" in said) == (2, True)
    usb = tmp_path / "head.json"
    async with open_till(home, HandClock()) as till, Pos.connect(till.socket) as pos:
        assert (home / "head.key").stat().st_mode & 0o777 == 0o600
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=BASKET)
        status, said, key = await shell(home, "head", "--out", str(usb))
        assert status == 0
        written = msgspec.json.decode(usb.read_bytes())
        assert list(written) == ["ledger_id", "seq", "hash", "at", "signature"]
        assert f"entry {written['seq']}, head {written['hash']}" in said
        await pos.call("sale.commit", sale_id="s2", card=PLASTIC, lines=BASKET)
        assert (await shell(home, "audit", "--head", str(usb)))[0] == 0
        assert (await shell(home, "audit", "--head", written["hash"]))[0] == 0
    assert usb.stat().st_mode & 0o777 == 0o600
    assert (await shell(home, "audit", "--head", str(usb)))[0] == 0
    assert (await shell(home, "head", "--out", str(usb)))[0] == 2, "the old one stays"
    status, said, _ = await shell(home, "head")
    assert (status, msgspec.json.decode(said)["seq"] > written["seq"]) == (0, True)
    public = key.split()[-1]
    (home / "head.key").unlink()
    assert (await shell(home, "audit", "--head", str(usb)))[0] == 2
    assert (await shell(home, "audit", "--head", str(usb), "--head-key", public))[0] == 0
    load_or_make(home / "head.key")
    status, said, _ = await shell(home, "audit", "--head", str(usb))
    assert (status, "FOUND: the head is not signed by the key" in said) == (1, True)


async def test_a_fact_that_was_changed_is_found_beside_a_good_head(
    home: Path, location: str, tmp_path: Path
) -> None:
    async with open_till(home, HandClock()) as till, Pos.connect(till.socket) as pos:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=BASKET)
    usb = tmp_path / "head.json"
    assert (await shell(home, "head", "--out", str(usb)))[0] == 0
    with closing(Editor(LEDGER if location == "ledger.db" else location, home)) as editor:
        editor.run("UPDATE fact SET net = net + 1")
    status, said, _ = await shell(home, "audit", "--head", str(usb))
    assert (status, "FOUND: fact " in said) == (1, True)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\0", b"{" * 5_000], ids=["none", "any", "long"])
async def test_a_file_that_is_no_head_is_said_and_nothing_is_walked(
    text: bytes, tmp_path: Path
) -> None:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()):
        pass
    (tmp_path / "head.json").write_bytes(text)
    status, said, wrong = await shell(tmp_path, "audit", "--head", str(tmp_path / "head.json"))
    assert (status, said) == (2, "")
    assert "holds no head" in " ".join(wrong.replace("│", "").split())
