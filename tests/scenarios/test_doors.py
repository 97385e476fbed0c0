"""(doors) Every method that reaches an account, or gives it a card: counted, overridden, kept."""

import asyncio
from collections import Counter
from typing import Any, NamedTuple

import pytest

from daemon.accounts.guess_limit import FAILURES_MAX, SLOW_S, USER_FAILURES_MAX
from daemon.app.running import App
from tests.scenarios.shops import FRIEND, goods, override, refusal
from tests.support.clock import HandClock
from tests.support.till import CHIP_UID, PLASTIC, Pos, RefusedByTillError

MINE = "04AABBCCDDEE80"
WHO = {"by": "olha", "reason": "she asked for it"}
RATE_LIMITED, NEEDS_OVERRIDE = (1041, "rate_limited"), (1022, "needs_override")
LINES = goods(10_000)


class Door(NamedTuple):
    """How a method reaches an account.

    counted: parameters that name what could be guessed, "?" where it stands; None: nothing can.
    gives:   parameters that would give PLASTIC's account a credential, or make one good again.
    """

    counted: dict[str, Any] | None = None
    gives: dict[str, Any] | None = None


HARMLESS = Door()
"""Names no account, or only what the caller was told by a door that is counted."""
DOORS = {
    "hello": HARMLESS,
    "events.subscribe": HARMLESS,
    "events.ack": HARMLESS,
    "rpc.discover": HARMLESS,
    "status": HARMLESS,
    "reader.claim": HARMLESS,
    "reader.release": HARMLESS,
    "input.simulate": HARMLESS,  # of simulated readers, which real shops have none of
    "card.identify": Door(counted={"number": "?"}),
    "card.phone_link": Door(gives={"presentation": "!"}),
    "card.phone_revoke": HARMLESS,  # by a presentation; a name and a reason are required
    "sale.quote": Door(counted={"card": "?", "lines": LINES}),
    "sale.hold": Door(counted={"sale_id": "n", "card": "?", "lines": LINES}),
    "sale.commit": Door(counted={"sale_id": "n", "card": "?", "lines": LINES}),
    "sale.void": HARMLESS,
    "sale.decide": HARMLESS,  # the owner's; a name and a reason are required
    "sale.return": HARMLESS,  # of a sale: its id is the POS's own
    "sale.status": HARMLESS,
    "card.issue": Door(
        counted={"request_id": "n", "with_card": "?", **override()},
        gives={"request_id": "g", "uid": MINE, "with_card": PLASTIC},
    ),
    "card.replace": Door(
        counted={"request_id": "n", "card": "?", **override()},
        gives={"request_id": "g", "uid": MINE, "card": PLASTIC},
    ),
    "card.transfer": Door(
        counted={"request_id": "n", "card": "?", "profile": {"name": "Ivan"}, **WHO}
    ),
    "card.block": Door(counted={"request_id": "n", "card": "?", **WHO}),
    "card.take_back": Door(counted={"request_id": "n", "card": "?", **WHO}),
    "card.unblock": Door(
        counted={"request_id": "n", "card": "?", **WHO},
        gives={"request_id": "g", "card": PLASTIC},
    ),
    "card.extend": Door(
        counted={"request_id": "n", "card": "?", **WHO},
        gives={"request_id": "g", "card": PLASTIC},
    ),
    "batch.stage": HARMLESS,  # the owner's, as all of a batch
    "batch.make": HARMLESS,
    "batch.show": HARMLESS,
    "batch.cards": HARMLESS,
    "card.hand_out": HARMLESS,  # of cards that nobody has
    "act.make": HARMLESS,
    "act.void": HARMLESS,
    "act.show": HARMLESS,
    "act.list": HARMLESS,
    "card.write_off": Door(counted={"request_id": "n", "card": "?", **WHO}),
    "card.topup": Door(counted={"topup_id": "n", "card": "?", "amount": 1}),
    "card.show": Door(counted={"card": "?"}),
    "code.issue": Door(counted={"request_id": "n", "campaign": "NONE", "card": "?"}),
    "code.show": Door(counted={"code": "?"}),
    "club.list": HARMLESS,  # by accounts, which nobody guesses: 64 random bits; admin
    "club.due": HARMLESS,
    "club.decide": HARMLESS,
    "club.why": HARMLESS,
    "club.undo": HARMLESS,
    "club.checked": HARMLESS,
    "club.settings": HARMLESS,
    "customer.find": HARMLESS,  # by beginnings of names, too; what it finds pays nothing
    "customer.invite": Door(counted={"request_id": "ci", "card": "?", "by": "olha"}),
    "customer.merge": HARMLESS,  # by accounts; a manager says that two are one, and why
    "customer.unmerge": HARMLESS,
    "customer.erase": HARMLESS,  # the owner's; by accounts, which nobody guesses
    "customer.to_erase": HARMLESS,
    "customer.duplicates": HARMLESS,
    "customer.export": Door(counted={"card": "?", "by": "olha"}),
    "customer.show": Door(counted={"card": "?"}),
    "customer.photo": Door(counted={"request_id": "n", "card": "?", "image": "", "by": "anna"}),
    "customer.photo_show": Door(counted={"card": "?", "by": "olha"}),
    "customer.private": Door(counted={"card": "?", **WHO}),
    "day.close": HARMLESS,  # sums what was sold; of sales, not of cards
    "day.closings": HARMLESS,
    "day.closing": HARMLESS,
    "clock.accept": HARMLESS,  # the owner's; a name and a reason are required
    "clock.reset": HARMLESS,
    "clock.set": HARMLESS,  # of simulated tills
    "programme.show": HARMLESS,
    "programme.check": HARMLESS,
    "programme.preview": HARMLESS,
    "programme.history": HARMLESS,
    "programme.version": HARMLESS,
    "programme.activate": HARMLESS,
    "report.reconcile": HARMLESS,
    "report.books": HARMLESS,
    "report.run": HARMLESS,  # its cards are masked
    "report.page": HARMLESS,
    "report.alliance": HARMLESS,
    **dict.fromkeys(
        (
            *("mailing.audience", "mailing.audiences", "mailing.draft", "mailing.check"),
            *("mailing.people", "mailing.preview", "mailing.approve", "mailing.stop"),
            *("mailing.show", "mailing.list", "mailing.status"),
            *("mailing.export", "mailing.exported", "mailing.effect"),
        ),
        HARMLESS,  # by accounts, which nobody guesses; its cards are masked
    ),
    "finding.list": HARMLESS,  # its cards are accounts, by whom nothing is reached
    "finding.show": HARMLESS,
    "finding.judge": HARMLESS,
    "finding.run": HARMLESS,
    "alliance.statement": HARMLESS,
    "alliance.statement_show": HARMLESS,
    "alliance.statements": HARMLESS,
    "alliance.statement_void": HARMLESS,
    "alliance.pay": HARMLESS,
    "partner.add": Door(counted={"request_id": "n", "name": "x", "card": "?", "by": "olha"}),
    "partner.change": HARMLESS,  # the owner's; by codes, which are no cards
    "partner.close": HARMLESS,
    "partner.show": HARMLESS,
    "partner.list": HARMLESS,
    "partner.assign": Door(counted={"request_id": "n", "card": "?", **WHO}),
    "partner.statement": HARMLESS,
    "partner.statement_show": HARMLESS,
    "partner.statements": HARMLESS,
    "partner.statement_void": HARMLESS,
    "partner.pay": HARMLESS,
    "partner.sent": Door(counted={"card": "?"}),
    "questionnaire.show": HARMLESS,
    "questionnaire.check": HARMLESS,
    "questionnaire.activate": HARMLESS,
    "customer.update": Door(counted={"request_id": "n", "card": "?", "by": "anna", "tags": ["x"]}),
    "customer.consent": Door(
        counted={
            "request_id": "n",
            "card": "?",
            "purpose": "personal_data",
            "given": True,
            "source": "till",
            "by": "anna",
        }
    ),
    "import.begin": HARMLESS,  # the owner's, as all of an import
    "import.rows": HARMLESS,
    "import.check": HARMLESS,
    "import.drop": HARMLESS,
    "import.apply": HARMLESS,
    "import.status": HARMLESS,
    "import.list": HARMLESS,
    "import.undo": HARMLESS,
    "points.adjust": HARMLESS,  # by accounts; admin
    "operator.list": HARMLESS,
    "operator.add": Door(
        counted={"request_id": "n", "name": "olha", "role": "senior", "account": "?", "by": "x"}
    ),
    "operator.role": Door(
        counted={"request_id": "n", "name": "olha", "role": "senior", "account": "?", "by": "x"}
    ),
    "operator.close": HARMLESS,
    "operator.pin": HARMLESS,
    "operator.password": HARMLESS,
    "operator.totp": HARMLESS,
}
COUNTED = [name for name, door in DOORS.items() if door.counted is not None]
GIVING = [name for name, door in DOORS.items() if door.gives is not None]


def named(params: dict[str, Any], number: str, n: int) -> dict[str, Any]:
    given = {"?": number, "n": f"id-{n}"}
    return {
        name: given.get(value, value) if isinstance(value, str) else value
        for name, value in params.items()
    }


def unknown(n: int) -> str:
    """Return a number of the shop's own shape that no card has: EAN-13 behind 29."""
    body = f"29000001{n:04}"
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(body))
    return f"{body}{-total % 10}"


async def test_no_method_stands_outside_the_table(pos: Pos) -> None:
    assert set(pos.greeting["capabilities"]) == set(DOORS)


@pytest.mark.parametrize("method", COUNTED)
async def test_numbers_guessed_through_any_method_are_counted_and_slowed(
    pos: Pos, clock: HandClock, method: str
) -> None:
    params = DOORS[method].counted
    assert params is not None
    for n in range(FAILURES_MAX):
        assert await refusal(pos, method, **named(params, unknown(n), n)) != RATE_LIMITED
    assert await refusal(pos, method, **named(params, unknown(9), 9)) == RATE_LIMITED
    clock.move(seconds=SLOW_S)
    assert await refusal(pos, method, **named(params, unknown(9), 9)) != RATE_LIMITED


async def test_gift_cards_guessed_through_codes_are_counted_and_slowed(
    pos: Pos, clock: HandClock
) -> None:
    for n in range(FAILURES_MAX):
        wrong = await refusal(pos, "sale.quote", codes=[unknown(n)], lines=LINES)
        assert wrong == (1024, "code_unknown")
    assert await refusal(pos, "sale.quote", codes=["COFFEE"], lines=LINES) == RATE_LIMITED
    assert (await pos.call("sale.quote", card=PLASTIC, lines=LINES))["total"] == 10_000
    clock.move(seconds=SLOW_S)
    assert await refusal(pos, "sale.quote", codes=[unknown(9)], lines=LINES) != RATE_LIMITED


async def test_one_client_s_guesses_slow_no_other_client_s_cards(till: App, pos: Pos) -> None:
    async with Pos.connect(till.socket) as other:
        await pos.call("hello", client="the bar", version="1")
        await other.call("hello", client="the counter", version="1")
        for n in range(FAILURES_MAX):
            await refusal(pos, "card.show", card=unknown(n))
        assert await refusal(pos, "card.show", card=PLASTIC) == RATE_LIMITED
        assert (await other.call("card.identify", number=PLASTIC))["name"] == "Olena"
    async with Pos.connect(till.socket) as again:
        await again.call("hello", client="the bar", version="2")
        assert await refusal(again, "card.show", card=PLASTIC) == RATE_LIMITED, "connected anew"


async def test_a_client_that_calls_itself_otherwise_each_time_is_slowed_too(
    till: App, clock: HandClock
) -> None:
    seen: Counter[str] = Counter()
    for n in range(2 * USER_FAILURES_MAX):
        async with Pos.connect(till.socket) as pos:
            await pos.call("hello", client=f"till {n}", version="1")
            seen[(await refusal(pos, "card.show", card=unknown(n)))[1]] += 1
    assert seen == {"card_unknown": USER_FAILURES_MAX, "rate_limited": USER_FAILURES_MAX}
    clock.move(seconds=SLOW_S)
    async with Pos.connect(till.socket) as pos:
        assert (await pos.call("card.identify", number=PLASTIC))["name"] == "Olena"


async def presentation_of(pos: Pos, number: str) -> str:
    shown: str = (await pos.call("card.identify", number=number))["presentation"]
    return shown


@pytest.mark.parametrize("method", GIVING)
async def test_a_credential_needs_a_card_that_may_spend_or_somebody_s_word_that_is_kept(
    pos: Pos, method: str
) -> None:
    params = dict(DOORS[method].gives or {})
    static = await presentation_of(pos, PLASTIC)
    if "presentation" in params:
        params["presentation"] = static
    assert await refusal(pos, method, **params) == NEEDS_OVERRIDE
    if method in ("card.issue", "card.replace"):
        tried = params | {"request_id": "g2", "presentation": static}
        assert await refusal(pos, method, **tried) == NEEDS_OVERRIDE, "a number only identifies"
    if method in ("card.unblock", "card.extend"):
        await pos.call("card.block", request_id="b", card=PLASTIC, **WHO)
        await pos.call(method, **params | {"request_id": "g3"} | WHO)
        return
    again = {} if method == "card.phone_link" else {"request_id": "g3"}
    await pos.call(method, **params | again | {"override": WHO})


@pytest.mark.parametrize("method", ["card.issue", "card.replace"])
async def test_the_customer_s_own_chip_is_word_enough(pos: Pos, method: str) -> None:
    await pos.call("input.simulate", reader="chip", do="present", card="chip")
    shown = (await pos.call("card.identify", reader="chip"))["presentation"]
    old = {"card.issue": "with_card", "card.replace": "card"}[method]
    mine = {"request_id": "g1", "number": FRIEND, "presentation": shown}
    assert await refusal(pos, method, **mine | {old: PLASTIC}) == NEEDS_OVERRIDE, "another's"
    new = mine | {"request_id": "g2", old: CHIP_UID}
    assert (await pos.call(method, **new))["number"] == FRIEND


@pytest.mark.parametrize("method", ["card.issue", "card.replace", "card.phone_link"])
async def test_a_chip_that_was_shown_for_a_sale_vouches_for_nothing_after_it(
    pos: Pos, method: str
) -> None:
    await pos.call("input.simulate", reader="chip", do="present", card="chip")
    shown = (await pos.call("card.identify", reader="chip"))["presentation"]
    await pos.call("sale.commit", sale_id="s", presentation=shown, lines=LINES)
    params: dict[str, Any] = {
        "card.issue": {"request_id": "g", "number": FRIEND, "with_card": CHIP_UID},
        "card.replace": {"request_id": "g", "number": FRIEND, "card": CHIP_UID},
        "card.phone_link": {},
    }[method]
    assert await refusal(pos, method, **params, presentation=shown) == NEEDS_OVERRIDE
    again = (await pos.call("card.identify", reader="chip"))["presentation"]
    assert again != shown
    await pos.call(method, **params, presentation=again)


@pytest.mark.parametrize("method", ["sale.return", "card.topup"])
async def test_money_that_leaves_or_enters_without_a_sale_has_a_named_cashier(
    pos: Pos, method: str
) -> None:
    params = {"return_id": "r", "sale_id": "s", "whole": True}
    if method == "card.topup":
        params = {"topup_id": "t", "card": PLASTIC, "amount": 1}
    for nobody in ("", " "):
        with pytest.raises(RefusedByTillError, match="cashier: must say something"):
            await pos.call(method, **params, cashier=nobody)


async def test_tenders_of_a_top_up_sum_up(pos: Pos) -> None:
    terms: dict[str, Any] = {"topup_id": "t1", "card": PLASTIC, "amount": 20_000}
    short = terms | {"tenders": [{"type": "cash", "amount": 5_000}, {"type": "x", "amount": 5_000}]}
    with pytest.raises(
        RefusedByTillError, match=r"sum up to 100[.]00, the amount is worth 200[.]00"
    ):
        await pos.call("card.topup", **short)
    paid = terms | {"tenders": [{"type": "cash", "amount": 5_000}, {"type": "x", "amount": 15_000}]}
    assert (await pos.call("card.topup", **paid))["state"] == "posted"
    said = terms | {"topup_id": "t2", "tenders": [{"type": "as agreed"}]}
    assert (await pos.call("card.topup", **said))["state"] == "posted", "no amounts, no sum"


async def test_numbers_that_are_sent_all_at_once_are_slowed_as_one_by_one(till: App) -> None:
    async def guess(n: int) -> str:
        async with Pos.connect(till.socket) as pos:
            return (await refusal(pos, "card.show", card=unknown(n)))[1]

    seen = Counter(await asyncio.gather(*(guess(n) for n in range(40))))
    assert seen["card_unknown"] < 2 * FAILURES_MAX, "some were looked up when the others failed"
