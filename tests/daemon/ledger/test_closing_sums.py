"""What a closing says, and what an audit says of one that says something else."""

from typing import Any

import msgspec
import pytest

from daemon.base.currency import currency_of
from daemon.base.ids import LedgerId
from daemon.base.paper import pdf
from daemon.keys.signing_keys import SigningKey
from daemon.ledger.closing_sums import (
    CLOSING,
    REASONS_MAX,
    Closing,
    ClosingAudit,
    Tally,
    closing_name,
    closing_of,
    number_of,
    signed_closing,
)
from daemon.ledger.entries import Entry, decode
from daemon.ledger.posted_facts import facts_of
from daemon.ledger.sale_rows import for_entry
from daemon.shop.closing_paper import WORDS, closing_paper
from tests.stores.hand_made import made_sale


def ledger_of(*kinds: str) -> list[Entry]:
    return [Entry(at="2026-11-24T08:00:00.000000Z", kind=kind, ref="x") for kind in kinds]


KEY = SigningKey(bytes(32))
LEDGER_ID = LedgerId("5f" * 8)


def closing_for(entries: list[Entry], which: int, begins: int, **other: Any) -> Entry:
    tally = Tally()
    for entry in entries[begins - 1 :]:
        tally.add(entry, facts_of(entry))
    said: dict[str, Any] = {
        "closing": closing_name("till", which),
        "ledger_id": LEDGER_ID,
        "number": which,
        "store": "1",
        "terminal": "till",
        "day": "2026-11-24",
        "at": "2026-11-24T08:00:00.000000Z",
        "by": "olha",
        "approved_by": "",
        "first": begins,
        "last": len(entries),
        "head": bytes(32).hex(),
        "sums": tally.sums(),
    }
    made = signed_closing(Closing(**said | other), KEY)
    detail = msgspec.Raw(msgspec.json.encode(made))
    return Entry(at=said["at"], kind=CLOSING, ref=made.closing, detail=detail)


def found(entries: list[Entry]) -> list[str]:
    audited = ClosingAudit()
    return [
        one
        for seq, entry in enumerate(entries, start=1)
        for one in audited.step(LEDGER_ID, seq, entry, facts_of(entry), bytes(32))
    ]


def two_closings(**other: Any) -> list[Entry]:
    entries = ledger_of("x", "x")
    entries.append(closing_for(entries, 1, 1))
    entries += ledger_of("x")
    entries.append(closing_for(entries, 2, 3, **other))
    return entries


def test_closings_as_they_should_be_are_whole() -> None:
    assert found(two_closings()) == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"number": 3}, "number is not"),
        ({"number": 1}, "number is not"),
        ({"first": 4}, "first is not"),
        ({"first": 2}, "first is not"),
        ({"last": 3}, "last is not"),
        ({"head": "00"}, "head is not"),
        ({"ledger_id": "0" * 16}, "ledger_id is not"),
        ({"closing": "Z-till-000003"}, "says that it is"),
        ({"closing": "Z-other-000002"}, "says that it is"),
    ],
    ids=lambda one: str(one),
)
def test_a_closing_that_says_anything_else_is_found(other: dict[str, Any], said: str) -> None:
    assert any(said in one for one in found(two_closings(**other)))


@pytest.mark.parametrize(
    "field", [f.name for f in msgspec.structs.fields(Tally().sums().__class__)]
)
def test_a_sum_that_is_another_is_found(field: str) -> None:
    sums = Tally().sums()
    value = getattr(sums, field)
    other: Any = value + 1 if isinstance(value, int) else {"x": 1}
    if isinstance(value, tuple):
        other = ({"by": "x", "reason": "y", "count": 1},)
    elif not isinstance(value, int | dict):
        other = {"net": 1}
    said = msgspec.to_builtins(sums) | {field: other}
    changed = msgspec.convert(said, type(sums))
    assert any(f"{field} is not" in one for one in found(two_closings(sums=changed)))


@pytest.mark.parametrize("name", ["by", "at", "key", "signature"])
def test_a_closing_that_was_changed_after_it_was_signed_is_found(name: str) -> None:
    entries = two_closings()
    said = msgspec.json.decode(entries[-1].detail)
    said[name] = {"key": "00" * 32, "signature": "00" * 64}.get(name, "other")
    detail = msgspec.Raw(msgspec.json.encode(said))
    entries[-1] = msgspec.structs.replace(entries[-1], detail=detail)
    assert any("is not signed by the key" in one for one in found(entries))


@pytest.mark.parametrize("detail", [b"{}", b"[]", b'{"closing":7}'])
def test_a_closing_that_cannot_be_read_is_found(detail: bytes) -> None:
    entries = two_closings()
    entries[-1] = msgspec.structs.replace(entries[-1], detail=msgspec.Raw(detail))
    assert any("cannot be read" in one for one in found(entries))


@pytest.mark.parametrize("text", ["", "zz", "0" * 63, "x" * 64])
def test_a_key_or_a_signature_of_any_text_signs_nothing(text: str) -> None:
    made = closing_of(two_closings()[-1])
    assert made.is_signed
    for name in ("key", "signature"):
        assert not msgspec.structs.replace(made, **{name: text}).is_signed


def test_of_more_reasons_than_fit_the_most_frequent_are_said() -> None:
    tally = Tally()
    for n in range(REASONS_MAX + 5):
        override = {"by": "olha", "reason": f"reason {n:03}"}
        for _ in range(2 if n < 5 else 1):
            tally.add(*_sold(override))
    sums = tally.sums()
    assert sums.overrides_count == REASONS_MAX + 10
    assert [one.count for one in sums.overrides[:6]] == [2, 2, 2, 2, 2, 1]
    assert len(sums.overrides) == REASONS_MAX
    assert msgspec.json.decode(msgspec.json.encode(sums), type=type(sums)) == sums


def _sold(override: dict[str, str]) -> tuple[Entry, Any]:
    said = msgspec.to_builtins(for_entry(made_sale("s"))) | {"override": override}
    detail = msgspec.Raw(msgspec.json.encode(said))
    entry = Entry(at="2026-11-24T08:00:00.000000Z", kind="sale", ref="s", detail=detail)
    return entry, facts_of(entry)


@pytest.mark.parametrize(
    ("name", "number"),
    [("Z-till-1-000042", 42), ("Z-till-1234567", 1_234_567), ("Z", 0), ("", 0), ("Z-٣", 0)],
)
def test_a_name_ends_with_its_number(name: str, number: int) -> None:
    assert number_of(name) == number
    assert number_of("Z-till-" + "9" * 19) == 0


def test_a_paper_of_any_closing_is_laid_out_in_both_languages() -> None:
    entry = two_closings()[-1]
    shown = msgspec.to_builtins(closing_of(entry))
    shown["sums"]["overrides"] = [{"by": "a", "reason": "b", "count": 1, "rule": "", "minor": 0}]
    shown["sums"]["overrides_count"] = 3
    shown["approved_by"] = "maria"
    currency = currency_of("UAH")
    assert currency is not None
    assert WORDS["en"].keys() == WORDS["uk"].keys()
    for language in WORDS:
        paper = closing_paper(shown, currency, language)
        assert pdf(paper) == pdf(closing_paper(shown, currency, language))
        assert any("maria" in line for line in paper.head)
        assert paper.total[-2].endswith("2")


def test_entries_of_closings_name_no_account() -> None:
    entry = two_closings()[-1]
    assert decode(msgspec.json.encode(entry)).account == ""
