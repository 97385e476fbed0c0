from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from daemon.pos.claims import Claim, Claims
from daemon.pos.events import EVENTS_PER_WRITE_MAX, Cursor, EventRing
from tests.daemon.pos.shop import new_ring
from tests.support.clock import HandClock

ME, OTHER = object(), object()


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
    cursor = Cursor(ring, ME, None, None)
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
    cursor = Cursor(ring, ME, None, None)
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
    got = drained(Cursor(ring, ME, from_seq, "boot-1"))
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
    overflow, first, *_ = drained(Cursor(ring, ME, 2, None))
    assert (overflow["type"], overflow["lost"], overflow["seq"]) == ("overflow", 6, 7)
    assert overflow.keys() == {"seq", "event_id", "at", "reader", "type", "lost"}
    assert first["seq"] == 8


def test_a_place_in_another_run_of_the_daemon_means_all_of_this_run() -> None:
    ring = new_ring()
    for _ in range(3):
        ring.publish("scan")
    assert [event["seq"] for event in drained(Cursor(ring, ME, 2, "boot-0"))] == [1, 2, 3]
    assert [event["seq"] for event in drained(Cursor(ring, ME, 5000, None))] == [1, 2, 3]
    assert [event["seq"] for event in drained(Cursor(ring, ME, 2, "boot-1"))] == [2, 3]
    assert drained(Cursor(ring, ME, 4, None)) == []


def test_a_long_replay_is_taken_in_pieces() -> None:
    ring = new_ring()
    for _ in range(EVENTS_PER_WRITE_MAX + 1):
        ring.publish("scan")
    cursor = Cursor(ring, ME, 1, None)
    assert len(events_of(cursor.take())) == EVENTS_PER_WRITE_MAX
    assert len(events_of(cursor.take())) == 1
    assert cursor.take() == b""


def claimed_by(holder: object) -> Claim:
    claims = Claims(HandClock())
    claims.claim("scanner", holder, "", 60)
    claim = claims.of("scanner")
    assert claim is not None
    return claim


def test_input_of_a_claimed_reader_goes_to_its_holder_alone_and_is_never_made_up_for() -> None:
    ring, claim = new_ring(), claimed_by(ME)
    mine, others = Cursor(ring, ME, None, None), Cursor(ring, OTHER, None, None)
    ring.publish("scan", reader="scanner", claim=claim)
    ring.publish("reader.state", reader="scanner")
    assert [event["seq"] for event in drained(mine)] == [1, 2]
    claim.released = True
    assert [event["seq"] for event in drained(others)] == [2]


def test_a_client_that_lost_the_line_gets_what_came_to_its_claim_meanwhile() -> None:
    ring, claim = new_ring(), claimed_by(ME)
    ring.publish("scan", reader="scanner", claim=claim)
    assert drained(Cursor(ring, OTHER, 1, "boot-1")) == []
    claim.released = True
    assert [event["seq"] for event in drained(Cursor(ring, OTHER, 1, "boot-1"))] == [1]


def test_hidden_events_never_stop_the_ones_behind_them() -> None:
    ring, claim = new_ring(), claimed_by(ME)
    others = Cursor(ring, OTHER, None, None)
    for _ in range(3 * EVENTS_PER_WRITE_MAX):
        ring.publish("scan", reader="scanner", claim=claim)
    ring.publish("scan", reader="other scanner")
    assert [event["reader"] for event in drained(others)] == ["other scanner"]


def published_input(ring: EventRing) -> list[str]:
    return [ring.publish("scan", reader="scanner")["event_id"] for _ in range(3)]


def test_one_shot_gives_one_input_for_one_acknowledgement() -> None:
    ring = new_ring()
    cursor = Cursor(ring, ME, None, None, one_shot=True)
    ring.publish("reader.state")
    first, second, third = published_input(ring)
    assert [event["seq"] for event in drained(cursor)] == [1, 2]
    assert not cursor.acknowledge(second)
    assert drained(cursor) == []
    assert cursor.acknowledge(first)
    assert not cursor.acknowledge(first)
    assert [event["event_id"] for event in drained(cursor)] == [second]
    assert cursor.acknowledge(second)
    assert [event["event_id"] for event in drained(cursor)] == [third]


def test_one_shot_keeps_the_order_and_lets_states_pass_up_to_the_next_input() -> None:
    ring = new_ring()
    cursor = Cursor(ring, ME, None, None, one_shot=True)
    first = ring.publish("scan")["event_id"]
    ring.publish("reader.state")
    ring.publish("scan")
    ring.publish("reader.state")
    assert [event["seq"] for event in drained(cursor)] == [1, 2]
    assert cursor.acknowledge(first)
    assert [event["seq"] for event in drained(cursor)] == [3, 4]


def test_inputs_that_waited_too_long_for_their_turn_are_told_as_lost_at_once() -> None:
    ring = new_ring(2)
    cursor = Cursor(ring, ME, None, None, one_shot=True)
    first = ring.publish("scan")["event_id"]
    assert [event["seq"] for event in drained(cursor)] == [1]
    for _ in range(3):
        published_input(ring)
        assert drained(cursor) == [], "nothing comes until it is acknowledged"
    assert cursor.acknowledge(first)
    overflow, after_it = drained(cursor)
    assert (overflow["type"], overflow["lost"], overflow["seq"]) == ("overflow", 7, 8)
    assert after_it["seq"] == 9


def test_without_one_shot_nothing_waits_and_nothing_is_acknowledged() -> None:
    ring = new_ring()
    cursor = Cursor(ring, ME, None, None)
    first, *_ = published_input(ring)
    assert len(drained(cursor)) == 3
    assert not cursor.acknowledge(first)
    assert not cursor.acknowledge("")
