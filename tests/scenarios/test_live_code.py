"""The phone's rotating code, from the scanner to the sale."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from card_formats.phone import static_number
from card_formats.phone.rotating import PERIOD_S, REACH_STEPS, compose
from daemon.accounts.cards import NewCard, Profile
from daemon.accounts.guess_limit import FAILURES_MAX, FAILURES_WITHIN_S, SLOW_S
from daemon.accounts.live_codes import CLOCK_CARDS_MIN
from daemon.app.running import App
from daemon.base.clock import CLOCK_BACK
from daemon.ledger.entries import decode
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.sale.recognition import SECOND_SCAN_S
from tests.scenarios.baskets import sell
from tests.support.clock import HandClock
from tests.support.phone import Phone, account_of, bind
from tests.support.pos import refused
from tests.support.till import (
    PHONE,
    PLASTIC,
    Pos,
    RefusedByTillError,
)


async def show(pos: Pos, code: str) -> Any:
    """Scan ``code`` at the till's scanner; return what the till says of it."""
    await pos.call("events.subscribe")
    await pos.call("input.simulate", reader="scanner", do="scan", data=f"]Q1{code}")
    await pos.event("card.presented", "scan.duplicate")
    return await pos.call("card.identify", reader="scanner")


async def refusal_of(pos: Pos, code: str) -> RefusedByTillError:
    return await refused(pos, "card.identify", scan=code)


@pytest.fixture
async def phone(till: App, clock: HandClock) -> Phone:
    return await bind(till, PHONE, clock)


def clock_in(status: Any) -> tuple[int | None, bool]:
    return status["phones_ahead_s"], status["clock_suspect"]


async def test_a_live_code_identifies_and_spends_what_a_static_one_only_collects(
    pos: Pos, phone: Phone, clock: HandClock
) -> None:
    static = await pos.call("card.identify", scan=PHONE)
    assert static["trust"] == "static"
    await sell(pos, "s1", static["presentation"])
    identified = await show(pos, phone.code())
    assert (identified["name"], identified["trust"]) == ("Iryna", "rotating")
    assert identified["card"] == static["card"], "the card's own number, masked, not the code"
    posted = await sell(pos, "s2", identified["presentation"], burn=3_500)
    assert posted["receipt"]["burn"] == {"bonus": 3_500}


async def test_a_typed_code_and_google_wallet_s_are_as_good(
    pos: Pos, phone: Phone, clock: HandClock
) -> None:
    code = phone.code()
    typed = " ".join(code[at : at + 4] for at in range(0, len(code), 4))
    assert (await pos.call("card.identify", number=typed))["trust"] == "rotating"
    clock.move(seconds=PERIOD_S)
    google = await pos.call("card.identify", scan=phone.google_code())
    assert (google["name"], google["trust"]) == ("Iryna", "rotating")


async def test_a_nervous_second_scan_is_the_same_presentation_until_its_sale(
    pos: Pos, phone: Phone, clock: HandClock
) -> None:
    code = phone.code()
    first = await show(pos, code)
    again = await show(pos, code)
    assert again["presentation"] == first["presentation"]
    await sell(pos, "s1", first["presentation"])
    assert (await refusal_of(pos, code)).code == 1016
    clock.move(seconds=PERIOD_S)
    later = await show(pos, phone.code())
    assert later["presentation"] != first["presentation"]


async def test_a_photograph_of_a_code_is_of_no_use_later_or_elsewhere(
    pos: Pos, phone: Phone, till: App, clock: HandClock
) -> None:
    code = phone.code()
    await show(pos, code)
    async with Pos.connect(till.socket) as other:
        await other.call("hello", client="another till", version="1")
        assert (await refusal_of(other, code)).code == 1016
    clock.move(seconds=SECOND_SCAN_S + 1)
    assert (await refusal_of(pos, code)).code in (1014, 1016)


async def test_a_code_of_before_the_one_that_was_taken_is_used_up_too(
    pos: Pos, phone: Phone, clock: HandClock
) -> None:
    earlier = phone.code()
    clock.move(seconds=PERIOD_S)
    await pos.call("card.identify", scan=phone.code())
    error = await refusal_of(pos, earlier)
    assert (error.code, error.data["name"]) == (1016, "code_used")


@pytest.mark.parametrize(
    ("age_s", "code", "extra"),
    [
        (PERIOD_S, None, {}),
        (2 * PERIOD_S, 1014, {"age_s": 60}),
        (720, 1014, {"age_s": 720}),
        (REACH_STEPS * PERIOD_S, 1014, {"age_s": 1500}),
        ((REACH_STEPS + 1) * PERIOD_S, 1013, {}),
        (-PERIOD_S, None, {}),
        (-600, 1014, {"ahead_s": 600}),
        (-(REACH_STEPS - 1) * PERIOD_S, 1014, {"ahead_s": 1470}),
        (-(REACH_STEPS + 1) * PERIOD_S, 1013, {}),
    ],
)
async def test_a_code_that_is_not_of_now_is_told_for_what_it_is(
    pos: Pos, phone: Phone, age_s: int, code: int | None, extra: dict[str, int]
) -> None:
    shown = phone.picture_by(-age_s).code()
    if code is None:
        assert (await pos.call("card.identify", scan=shown))["trust"] == "rotating"
        return
    error = await refusal_of(pos, shown)
    assert error.code == code
    assert extra.items() <= error.data.items()
    if extra.get("age_s") == 720:
        assert "screenshot, 12 minutes old" in error.data["detail"]


async def test_one_digit_wrong_is_a_misread_and_counts_for_nothing(pos: Pos, phone: Phone) -> None:
    code = phone.code()
    misread = code[:-1] + str((int(code[-1]) + 1) % 10)
    for _ in range(FAILURES_MAX + 2):
        assert (await refusal_of(pos, misread)).code == 1015
    assert (await pos.call("card.identify", scan=code))["trust"] == "rotating"


async def test_wrong_codes_slow_their_reader_down_and_lock_nothing(
    till: App, pos: Pos, phone: Phone, clock: HandClock
) -> None:
    step = phone.now_s // PERIOD_S
    forged = compose("97", phone.key.number, bytes(20), step)
    unknown = compose("97", "0123456789", bytes(20), step)
    for guess in (forged, unknown) * FAILURES_MAX:
        error = await refusal_of(pos, guess)
        if error.code == 1041:
            break
        assert error.code == (1013 if guess == forged else 1010)
        clock.move(seconds=1)
    else:
        pytest.fail("nobody slowed the guesses down")
    assert (await refusal_of(pos, phone.code())).data["retryable"] is True
    assert (await pos.call("card.identify", scan=PHONE))["trust"] == "static"
    assert (await show(pos, phone.code()))["trust"] == "rotating", "another reader goes on"
    clock.move(seconds=max(SLOW_S, PERIOD_S))
    assert (await pos.call("card.identify", scan=phone.code()))["trust"] == "rotating"
    assert (await refusal_of(pos, forged)).code == 1013
    assert (await refusal_of(pos, forged)).code == 1041
    clock.move(seconds=FAILURES_WITHIN_S + 1)
    for _ in range(2):
        assert (await refusal_of(pos, forged)).code == 1013


async def test_numbers_that_no_card_has_slow_their_reader_down_and_lock_nothing(
    till: App, pos: Pos, phone: Phone, clock: HandClock
) -> None:
    for guess in range(100, 100 + FAILURES_MAX):
        unknown = static_number.compose("91", f"{guess:012d}")
        assert (await refusal_of(pos, unknown)).code == 1010
    slowed = await refusal_of(pos, PLASTIC)
    assert (slowed.code, slowed.data["retryable"]) == (1041, True)
    assert (await show(pos, PHONE))["trust"] == "static", "another reader goes on"
    assert (await pos.call("card.identify", scan=phone.code()))["trust"] == "rotating"
    clock.move(seconds=SLOW_S)
    for number in (PLASTIC, PHONE, PLASTIC):
        assert (await pos.call("card.identify", scan=number))["trust"] == "static", "at full speed"
    assert (await refusal_of(pos, static_number.compose("91", "123456789012"))).code == 1010
    assert (await refusal_of(pos, PLASTIC)).code == 1041
    misread = PHONE[:-1] + str((int(PHONE[-1]) + 1) % 10)
    assert (await refusal_of(pos, misread)).code == 1015, "a misread is nobody's guess"
    clock.move(seconds=FAILURES_WITHIN_S + 1)
    assert (await pos.call("card.identify", scan=PLASTIC))["name"] == "Olena"


async def test_a_second_phone_makes_the_first_one_s_code_say_so(
    till: App, pos: Pos, phone: Phone, clock: HandClock
) -> None:
    second = await bind(till, PHONE, clock)
    error = await refusal_of(pos, phone.code())
    assert (error.code, error.data["reason"]) == (1013, "old_phone")
    assert (await pos.call("card.identify", scan=second.code()))["name"] == "Iryna"
    await till.phones.revoke(await account_of(till, PHONE))
    clock.move(seconds=PERIOD_S)
    assert (await refusal_of(pos, second.code())).data["reason"] == "old_phone"
    third = await bind(till, PHONE, clock)
    assert third.key.number == phone.key.number
    assert (await pos.call("card.identify", scan=third.code()))["name"] == "Iryna"


async def test_a_plastic_card_may_live_on_a_phone_as_well(
    till: App, pos: Pos, clock: HandClock
) -> None:
    phone = await bind(till, PLASTIC, clock)
    assert (await pos.call("card.identify", scan=phone.code()))["name"] == "Olena"
    assert (await pos.call("card.identify", scan=PLASTIC))["name"] == "Olena"


async def test_a_link_is_good_once_and_for_ten_minutes(
    till: App, pos: Pos, clock: HandClock
) -> None:
    account = await account_of(till, PHONE)
    link = await till.phones.offer(account)
    assert await till.phones.accept(link) is not None
    assert await till.phones.accept(link) is None
    late = await till.phones.offer(account)
    clock.move(seconds=600)
    assert not await till.phones.is_offered(late)
    assert await till.phones.accept(late) is None


async def test_the_first_phone_takes_the_card_without_a_link_and_no_other_does(till: App) -> None:
    account = await account_of(till, PHONE)
    first = await till.phones.bind_first(account)
    assert first is not None
    assert first.generation == 1
    assert await till.phones.bind_first(account) is None


async def test_a_clock_behind_the_last_entry_takes_no_live_code(
    pos: Pos, phone: Phone, clock: HandClock
) -> None:
    await sell(pos, "s1", (await pos.call("card.identify", scan=PLASTIC))["presentation"])
    clock.move(seconds=-CLOCK_BACK.total_seconds())
    assert (await pos.call("card.identify", scan=phone.code()))["trust"] == "rotating"
    clock.move(seconds=-PERIOD_S)
    error = await refusal_of(pos, phone.code())
    assert (error.code, error.data["reason"]) == (1014, "clock_not_set")
    assert (await pos.call("card.identify", scan=PHONE))["trust"] == "static"


async def test_a_live_or_mutual_card_gets_a_link_and_a_copyable_one_needs_somebody_s_word(
    till: App, pos: Pos, phone: Phone, tmp_path: Path
) -> None:
    live = await pos.call("card.identify", scan=phone.code())
    link = await pos.call("card.phone_link", presentation=live["presentation"])
    assert link["url"].startswith(f"{till.web_url}/bind/")
    assert link["until"] == "2026-11-23T08:10:00.000000Z"
    static = await pos.call("card.identify", scan=PLASTIC)
    with pytest.raises(RefusedByTillError) as caught:
        await pos.call("card.phone_link", presentation=static["presentation"])
    assert (caught.value.code, caught.value.data["name"]) == (1022, "needs_override")
    override = {"by": "senior", "reason": "saw her passport"}
    await pos.call("card.phone_link", presentation=static["presentation"], override=override)
    code = (
        await pos.call("card.phone_link", presentation=static["presentation"], override=override)
    )["url"].rpartition("/")[2]
    assert await till.phones.accept(code) is not None
    store = SQLiteStore(tmp_path / "tillcard.db", read_only=True)
    newest = decode(list(store.entries())[-1].body)
    store.close()
    assert msgspec.json.decode(newest.detail) == {
        "event": "phone bound",
        "generation": 1,
        "by": "senior",
        "reason": "saw her passport",
    }


async def test_a_lost_phone_is_worthless_as_soon_as_its_owner_says_so(
    till: App, pos: Pos, phone: Phone, clock: HandClock
) -> None:
    shown = (await pos.call("card.identify", scan=PHONE))["presentation"]
    said = {"presentation": shown, "by": "senior", "reason": "stolen in the tram"}
    assert await pos.call("card.phone_revoke", **said) == {"generation": 2}
    error = await refusal_of(pos, phone.code())
    assert (error.code, error.data["reason"]) == (1013, "old_phone")
    assert (await pos.call("card.identify", scan=PHONE))["trust"] == "static"
    found = await bind(till, PHONE, clock)
    assert (await pos.call("card.identify", scan=found.code()))["trust"] == "rotating"


async def test_the_till_s_status_says_when_the_phones_doubt_its_clock(
    till: App, pos: Pos, clock: HandClock
) -> None:
    assert clock_in(await pos.call("status")) == (None, False)
    for n in range(CLOCK_CARDS_MIN):
        number = f"290000000002{n}"
        identifiers = (("number", number),)
        card = NewCard(kind="plastic", number=number, identifiers=identifiers)
        await till.cards.issue(card, Profile())
        key = await till.phones.bind_first(await account_of(till, number))
        assert key is not None
        assert (await refusal_of(pos, Phone(key, clock, ahead_s=90).code())).code == 1014
    assert clock_in(await pos.call("status")) == (90, True)


async def test_the_sample_phone_shows_a_live_code_however_it_is_shown(
    pos: Pos, clock: HandClock
) -> None:
    await pos.call("events.subscribe")
    for reader, do in (("scanner", "scan"), ("keypad", "type")):
        await pos.call("input.simulate", reader=reader, do=do, card="phone")
        assert (await pos.event("card.presented"))["trust"] == "rotating"
        identified = await pos.call("card.identify", reader=reader)
        assert (identified["name"], identified["trust"]) == ("Iryna", "rotating")
        await sell(pos, f"sale-{reader}", identified["presentation"])
        clock.move(seconds=PERIOD_S)
    await pos.call("input.simulate", reader="scanner", do="scan", card="phone", data=f"]Q1{PHONE}")
    await pos.event("card.presented")
    assert (await pos.call("card.identify", reader="scanner"))["trust"] == "static", "data wins"
