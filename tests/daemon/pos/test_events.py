from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from daemon.pos.events import EVENTS_PER_WRITE_MAX, Cursor
from tests.daemon.pos.shop import new_ring


def events_of(lines: bytes) -> list[dict[str, Any]]:
    messages = [msgspec.json.decode(line, type=dict[str, Any]) for line in lines.splitlines()]
    assert all(message["method"] == "event" for message in messages)
    return [message["params"] for message in messages]


def drained(cursor: Cursor) -> list[dict[str, Any]]:
    lines = b""
    while taken := cursor.take():
        lines += taken
    return events_of(lines)


def test_an_event_says_which_when_and_where() -> None:
    ring = new_ring()
    cursor = Cursor(ring, None, None)
    event = ring.publish("scan", reader="scanner", text="4006381333931", symbology="EAN-13")
    assert event == {
        "seq": 1,
        "event_id": "boot-1-1",
        "at": "2026-11-22T09:30:00.000+00:00",
        "reader": "scanner",
        "type": "scan",
        "text": "4006381333931",
        "symbology": "EAN-13",
    }
    assert drained(cursor) == [event]


def test_without_a_place_only_what_comes_is_sent() -> None:
    ring = new_ring()
    ring.publish("scan")
    cursor = Cursor(ring, None, None)
    assert cursor.take() == b""
    ring.publish("scan")
    assert [event["seq"] for event in drained(cursor)] == [2]


@given(st.integers(1, 8), st.integers(0, 30), st.integers(1, 40))
def test_what_is_lost_and_what_is_sent_are_together_all_from_the_place(
    kept_max: int, published: int, from_seq: int
) -> None:
    ring = new_ring(kept_max)
    for _ in range(published):
        ring.publish("scan")
    got = drained(Cursor(ring, from_seq, "boot-1"))
    wanted_seq = from_seq if from_seq <= published + 1 else 1
    lost = sum(event["lost"] for event in got if event["type"] == "overflow")
    sent = [event["seq"] for event in got if event["type"] == "scan"]
    assert lost + len(sent) == published - wanted_seq + 1
    assert sent == list(range(published - len(sent) + 1, published + 1))
    assert lost == max(0, published - kept_max - wanted_seq + 1)


def test_an_overflow_bears_the_number_of_the_last_event_lost() -> None:
    ring = new_ring(3)
    for _ in range(10):
        ring.publish("scan")
    overflow, first, *_ = drained(Cursor(ring, 2, None))
    assert (overflow["type"], overflow["lost"], overflow["seq"]) == ("overflow", 6, 7)
    assert overflow.keys() == {"seq", "event_id", "at", "reader", "type", "lost"}
    assert first["seq"] == 8


def test_a_place_in_another_run_of_the_daemon_means_all_of_this_run() -> None:
    ring = new_ring()
    for _ in range(3):
        ring.publish("scan")
    assert [event["seq"] for event in drained(Cursor(ring, 2, "boot-0"))] == [1, 2, 3]
    assert [event["seq"] for event in drained(Cursor(ring, 5000, None))] == [1, 2, 3]
    assert [event["seq"] for event in drained(Cursor(ring, 2, "boot-1"))] == [2, 3]
    assert drained(Cursor(ring, 4, None)) == []


def test_a_long_replay_is_taken_in_pieces() -> None:
    ring = new_ring()
    for _ in range(EVENTS_PER_WRITE_MAX + 1):
        ring.publish("scan")
    cursor = Cursor(ring, 1, None)
    assert len(events_of(cursor.take())) == EVENTS_PER_WRITE_MAX
    assert len(events_of(cursor.take())) == 1
    assert cursor.take() == b""
