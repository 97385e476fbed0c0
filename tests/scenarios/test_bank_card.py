"""A bank card at every kind of reader: refused, and nowhere is anything of its number left."""

from pathlib import Path
from typing import Any

import pytest

from daemon.readers.simulated.simulator import KINDS
from daemon.readers.traffic import TRAFFIC
from tests.support.clock import HandClock
from tests.support.till import Pos, RefusedByTillError, lay_out_all_readers, open_till

NUMBER = "4111111111111111"  # the networks' public test number, as the sample card has it
SWIPE = f"%B{NUMBER}^SAMPLE/CARD^29121010000000000?;{NUMBER}=29121010000000000?"
TRACES = [NUMBER, "4111 1111", "4111-1111", NUMBER[:6], NUMBER[-6:], "2912101", "SAMPLE/CARD"]


SPACED = "4111 1111 1111 1111"


def kept_fields(line: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what of a sale would be kept, each with the number in another way."""
    tenders: list[dict[str, Any]] = [
        {"pan": NUMBER},
        {"pan": int(NUMBER)},
        {NUMBER: 100},
        {"track": f";{NUMBER}=29121010000?"},
        {"track": f";01{NUMBER}=29121010000?"},
        {"said": f"card {NUMBER} visa"},
        {"said": SPACED.replace(" ", ".")},
        {"said": SPACED.replace(" ", "-")},
        {"said": f"VISA{NUMBER}"},
    ]
    return [
        *({"tenders": [tender]} for tender in tenders),
        {"payment": NUMBER},
        {"cashier": f"Olha {SPACED}"},
        {"facts": {"order": int(NUMBER)}},
        {"lines": [line | {"sku": NUMBER}]},
        {"lines": [line | {"name": f"paid {SPACED}"}]},
    ]


def all_bytes(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


async def test_a_bank_card_leaves_no_trace_at_any_reader(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(TRAFFIC)
    lay_out_all_readers(tmp_path)
    heard: list[object] = []
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        await pos.call("events.subscribe")
        for name, kind in KINDS.items():
            while any(
                r["name"] == name and r["state"] != "ready"
                for r in (await pos.call("status"))["readers"]
            ):
                heard.append(await pos.event("reader.state"))
            await pos.call("input.simulate", reader=name, do=kind.verb, card="bank")
            event = await pos.event("scan.unreadable", "scan", "card.presented")
            assert event["type"] == "scan.unreadable"
            assert event["reason"] == "this is a bank card"
            with pytest.raises(RefusedByTillError) as refused:
                await pos.call("card.identify", reader=name)
            heard += [event, str(refused.value), *pos.events]
        with pytest.raises(RefusedByTillError) as refused:
            await pos.call("card.identify", number="4111 1111 1111 1111", typed_by="Olha")
        heard.append(str(refused.value))
    assert any(record.levelno == TRAFFIC for record in caplog.records)
    kept = all_bytes(tmp_path)
    said = f"{heard} {caplog.text}"
    for trace in TRACES:
        assert trace not in said
        assert trace.encode() not in kept


async def test_a_bank_card_s_number_is_nowhere_kept_whatever_the_till_sends_it_as(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(TRAFFIC)
    lay_out_all_readers(tmp_path)
    lines = [{"line": 1, "sku": "tea", "qty": 1, "unit_price": 1_000}]
    sent: list[tuple[str, dict[str, Any]]] = [
        ("card.identify", {"number": NUMBER}),
        ("card.identify", {"scan": f"]C0{NUMBER}"}),
        ("card.identify", {"scan": SWIPE}),
        ("card.show", {"card": NUMBER}),
        ("card.issue", {"request_id": "i1", "number": NUMBER}),
        ("card.topup", {"topup_id": "u1", "card": NUMBER, "amount": 1}),
        ("code.show", {"code": NUMBER}),
        ("sale.quote", {"card": NUMBER, "lines": lines}),
        ("sale.commit", {"sale_id": "s1", "card": NUMBER, "lines": lines}),
        ("sale.commit", {"sale_id": "s2", "codes": [NUMBER], "lines": lines}),
        ("card.topup", {"topup_id": "u2", "card": int(NUMBER), "amount": 1}),
        ("code.issue", {"request_id": "c1", "campaign": NUMBER}),
        ("hello", {"client": NUMBER, "version": "1"}),
        *(
            ("sale.commit", {"sale_id": f"s{n}", "lines": lines, **said})
            for n, said in enumerate(kept_fields(lines[0]), 3)
        ),
        ("sale.commit", {"sale_id": f"S {NUMBER}", "lines": lines}),
        ("card.issue", {"request_id": "i2", "profile": {"name": "Ann", "phone": NUMBER}}),
        ("sale.status", {"receipt": NUMBER}),
        ("sale.return", {"return_id": "r1", "receipt": f"1-1-{NUMBER}-0000", "whole": True}),
        ("sale.void", {"sale_id": "s1", "reason": f"paid with {SPACED} instead"}),
    ]
    heard: list[object] = []
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        await pos.call("events.subscribe")
        for method, params in sent:
            with pytest.raises(RefusedByTillError) as refused:
                await pos.call(method, **params)
            heard += [str(refused.value), refused.value.data]
        for reader in ("scanner", "keyboard-scanner"):  # a stripe reader that is set up as one
            await pos.call("input.simulate", reader=reader, do="scan", data=SWIPE)
            heard.append(event := await pos.event("scan.unreadable", "scan"))
            assert event["type"] == "scan.unreadable"
    for trace in TRACES:
        assert trace not in f"{heard} {caplog.text}"
        assert trace.encode() not in all_bytes(tmp_path)
