"""Who may do what: the table cell by cell, names, and stores."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.base.permissions import Action, OperatorRole, may, needs, sight
from tests.scenarios.baskets import BASKET
from tests.scenarios.shops import refusal
from tests.scenarios.staff import BLOCK, KNOWN, PERMISSION, SAMPLE, approval, shop
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import (
    PHONE,
    PLASTIC,
    Pos,
    RefusedByTillError,
    lay_out,
    open_till,
)

TABLE = """
sell return_today identify show_card issue fill              | C S M O
top_up                                                       | C S M O
return_other                                                 |   S M O
block unblock replace extend transfer change_contact         |   S M O
override assign_at_issue revoke_phone close_day              |   S M O
take_back hand_out acts write_off merge assign_later         |     M O
judge_finding club_decide mail_small codes adjust            |     M O
decide_chip set_clock unmet_condition beyond_limit           |     M O
see_private                                                  |     M O
programme questionnaire partners payout erase export_person  |       O
operators undo mail_any import adjust_any                    |       O
read_reports                                                 |   S M O A
export_books                                                 |     M O A
"""
LETTERS = dict(zip("CSMOA", OperatorRole, strict=True))
MATRIX: dict[Action, set[OperatorRole]] = {
    Action(name): {LETTERS[letter] for letter in letters.split()}
    for names, letters in (row.split("|") for row in TABLE.strip().splitlines())
    for name in names.split()
}


@pytest.mark.parametrize("action", Action)
def test_the_table_holds_in_every_cell(action: Action) -> None:
    allowed = MATRIX[action]
    assert {role for role in OperatorRole if may(role, action)} == allowed
    ladder = [role for role in OperatorRole if role is not OperatorRole.ACCOUNTANT]
    assert needs(action) == next(role for role in ladder if role in allowed)


def test_what_is_read_is_seen_as_far_as_the_table_says() -> None:
    seen = {role: sight(role, Action.READ_REPORTS).value for role in OperatorRole}
    assert list(seen.values()) == ["", "own", "store", "all", "masked"]
    seen = {role: sight(role, Action.EXPORT_BOOKS).value for role in OperatorRole}
    assert list(seen.values()) == ["", "", "store", "all", "all"]


Call = Callable[[str], tuple[str, dict[str, Any]]]


def card(event: str) -> Call:
    return lambda by: (
        f"card.{event}",
        {"request_id": by, "card": PLASTIC, "by": by, "reason": "x"},
    )


def named_call(method: str, **more: Any) -> Call:
    return lambda by: (method, {"request_id": f"a{by}", "by": by} | more)


def sold(by: str) -> dict[str, Any]:
    return {"sale_id": f"sold-{by}", "cashier": by}


def correction(by: str, amount: int) -> tuple[str, dict[str, Any]]:
    said = {"request_id": by, "by": by, "reason": "a wrong top-up"}
    return "points.adjust", {"account": "x", "purse": "bonus", "amount": amount} | said


CALLS: dict[Action, list[Call]] = {
    Action.SELL: [
        lambda by: ("sale.quote", {"lines": BASKET, "cashier": by}),
        lambda by: ("sale.hold", {"sale_id": f"h{by}", "lines": BASKET, "cashier": by}),
        lambda by: ("sale.commit", {"sale_id": f"s{by}", "lines": BASKET, "cashier": by}),
    ],
    Action.RETURN_TODAY: [
        lambda by: ("sale.return", sold(by) | {"return_id": by, "whole": True}),
    ],
    Action.RETURN_OTHER: [
        lambda by: ("sale.return", sold(by) | {"return_id": by, "whole": True}),
    ],
    Action.IDENTIFY: [lambda by: ("card.identify", {"number": PLASTIC, "typed_by": by})],
    Action.ISSUE: [
        lambda by: ("card.issue", {"request_id": by, "by": by}),
        named_call("customer.invite", card=PLASTIC),
    ],
    Action.TOP_UP: [
        lambda by: ("card.topup", {"topup_id": by, "card": PLASTIC, "amount": 1, "cashier": by})
    ],
    Action.BLOCK: [card("block")],
    Action.UNBLOCK: [card("unblock")],
    Action.EXTEND: [card("extend")],
    Action.REPLACE: [card("replace")],
    Action.TRANSFER: [named_call("card.transfer", card=PHONE, with_card=PLASTIC, reason="x")],
    Action.WRITE_OFF: [card("write_off")],
    Action.TAKE_BACK: [
        card("take_back"),
        named_call("card.hand_out", numbers=[PLASTIC], reason="x"),
    ],
    Action.HAND_OUT: [named_call("card.hand_out", batch="x", to="anna")],
    Action.ACTS: [
        named_call("batch.make", count=1, kind="plastic"),
        named_call("act.make", kind="D", numbers=[PLASTIC], reason="x"),
        named_call("act.void", act="x", reason="x"),
    ],
    Action.OVERRIDE: [
        lambda by: (
            "sale.commit",
            {
                "sale_id": by,
                "lines": BASKET,
                "card": PHONE,
                "cashier": by,
                "override": {"by": "owner", "reason": "knows the customer"},
            },
        ),
        lambda by: (
            "card.issue",
            {
                "request_id": f"o{by}",
                "with_card": PLASTIC,
                "by": by,
                "override": {"by": "owner", "reason": "knows the customer"},
            },
        ),
        lambda by: (
            "card.phone_link",
            {"presentation": "p0", "override": {"by": by, "reason": "knows the customer"}},
        ),
    ],
    Action.ASSIGN_AT_ISSUE: [
        lambda by: ("card.issue", {"request_id": f"a{by}", "by": by, "profile": {"partner": "a1"}})
    ],
    Action.REVOKE_PHONE: [
        lambda by: ("card.phone_revoke", {"presentation": "p0", "by": by, "reason": "lost"})
    ],
    Action.CLOSE_DAY: [named_call("day.close")],
    Action.CLUB_DECIDE: [named_call("club.decide", status="x", accounts=["x"], granted=True)],
    Action.UNDO: [
        named_call("club.undo", status="x", account="x", seq=1, reason="x"),
        named_call("customer.unmerge", drop="a1", reason="x"),
        named_call("import.undo", import_id="x", reason="x"),
    ],
    Action.IMPORT: [
        named_call("import.begin", columns=["name"]),
        named_call("import.apply", count=1),
    ],
    Action.PARTNERS: [
        named_call("partner.add", name="x"),
        named_call("partner.change", code="x"),
        named_call("partner.close", code="x", reason="x"),
        named_call("partner.statement", partner="x", to="2026-10-31", **{"from": "2026-10-01"}),
        named_call("partner.statement_void", statement="x", reason="x"),
        named_call("alliance.statement", issuer="x", to="2026-10-31", **{"from": "2026-10-01"}),
        named_call("alliance.statement_void", statement="x", reason="x"),
    ],
    Action.ASSIGN_LATER: [named_call("partner.assign", card="x", reason="x")],
    Action.PAYOUT: [
        lambda by: (
            "partner.pay",
            {"request_id": by, "statement": "x", "amount": 1, "method": "bank", "by": by},
        ),
        lambda by: (
            "alliance.pay",
            {"request_id": by, "statement": "x", "amount": 1, "method": "bank", "by": by},
        ),
    ],
    Action.CODES: [lambda by: ("code.issue", {"request_id": by, "campaign": "x", "by": by})],
    Action.ADJUST: [lambda by: correction(by, 500)],
    Action.ADJUST_ANY: [lambda by: correction(by, -501)],
    Action.DECIDE_CHIP: [named_call("sale.decide", sale_id="x", outcome="written", reason="x")],
    Action.SET_CLOCK: [
        lambda by: ("clock.accept", {"request_id": by, "by": by, "reason": "x"}),
        lambda by: ("clock.reset", {"request_id": by, "by": by, "reason": "x"}),
    ],
    Action.FILL: [
        named_call("customer.update", card=PLASTIC, tags=["vip"]),
        named_call("customer.consent", card=PLASTIC, purpose="marketing", given=True),
        named_call("customer.photo", card=PLASTIC, image=""),
    ],
    Action.JUDGE_FINDING: [
        named_call("finding.judge", finding="x", verdict="fine"),
        named_call("finding.run"),
    ],
    Action.MERGE: [named_call("customer.merge", keep="a0", drop="a1", reason="x")],
    Action.SEE_PRIVATE: [
        lambda by: ("customer.photo_show", {"card": PLASTIC, "by": by}),
        lambda by: ("customer.private", {"card": PLASTIC, "by": by, "reason": "x"}),
    ],
    Action.ERASE: [
        named_call("customer.erase", account="a0", reason="x"),
        lambda by: ("customer.to_erase", {"by": by}),
    ],
    Action.EXPORT_PERSON: [lambda by: ("customer.export", {"card": PLASTIC, "by": by})],
    Action.QUESTIONNAIRE: [named_call("questionnaire.activate", text="")],
    Action.PROGRAMME: [
        lambda by: ("programme.activate", {"request_id": by, "text": SAMPLE, "by": by}),
        named_call("club.settings", status="x"),
    ],
    Action.OPERATORS: [
        lambda by: ("operator.add", {"request_id": by, "name": by, "role": "cashier", "by": by}),
        named_call("operator.role", name="cashier", role="cashier"),
        named_call("operator.pin", name="cashier", pin="4711"),
        named_call("operator.close", name="nobody"),
    ],
}
NO_METHOD_YET = set(Action) - CALLS.keys()
HELD = {Action.OPERATORS, Action.ADJUST, Action.ADJUST_ANY, Action.SEE_PRIVATE}
"""For which an operator's role counts also where any name will do."""


async def permitted(pos: Pos, method: str, params: dict[str, Any]) -> bool:
    """Whether a call is not refused for who makes it; whatever else is wrong with it."""
    try:
        await pos.call(method, **params)
    except RefusedByTillError as error:
        name: str = error.data["name"]
        return name != "permission"
    return True


@pytest.mark.parametrize("action", CALLS)
async def test_over_the_socket_each_cell_lets_through_or_refuses(
    action: Action, strict: Pos, clock: HandClock
) -> None:
    for role in OperatorRole:
        await strict.call(
            "sale.commit", **sold("owner") | {"sale_id": f"sold-{role}"}, lines=BASKET
        )
    if action is Action.RETURN_OTHER:
        clock.move(days=1)
    for call in CALLS[action]:
        allowed = {role for role in OperatorRole if await permitted(strict, *call(role.value))}
        assert allowed == MATRIX[action], call("x")[0]


def test_actions_without_a_method_are_those_that_come_later() -> None:
    later = """
    show_card change_contact mail_small
    unmet_condition beyond_limit mail_any
    read_reports export_books
    """
    assert {action.value for action in NO_METHOD_YET} == set(later.split())


@pytest.mark.parametrize("name", ["nobody", "", "gone"])
async def test_a_name_that_is_no_operator_s_does_nothing(strict: Pos, name: str) -> None:
    await strict.call("operator.add", request_id="g", name="gone", role="owner", by="owner")
    await strict.call("operator.close", request_id="c", name="gone", by="owner")
    assert await refusal(strict, "card.block", **BLOCK, by=name) == PERMISSION
    sale = {"sale_id": "s", "lines": BASKET, "cashier": name}
    assert await refusal(strict, "sale.commit", **sale) == PERMISSION
    await strict.call("sale.commit", **sale | {"cashier": "CASHIER"})


async def test_who_quoted_has_sold_where_the_commit_names_nobody(strict: Pos) -> None:
    quote = await strict.call("sale.quote", lines=BASKET, cashier="senior")
    await strict.call("sale.commit", sale_id="s", quote_id=quote["quote_id"])
    nobody = {"lines": BASKET}  # of which no commit could say more than its quote did
    assert await refusal(strict, "sale.quote", **nobody) == PERMISSION


async def test_who_held_has_sold_where_the_commit_names_nobody(strict: Pos) -> None:
    await strict.call("sale.hold", sale_id="s", lines=BASKET, cashier="cashier")
    await strict.call("sale.commit", sale_id="s")


async def test_whoever_answers_for_an_override_must_be_one_who_may(strict: Pos) -> None:
    said = {"by": "cashier", "reason": "knows the customer"}
    sale = {"sale_id": "s", "lines": BASKET, "card": PLASTIC, "cashier": "senior"}
    assert await refusal(strict, "sale.commit", **sale, override=said) == PERMISSION
    await strict.call("sale.commit", **sale, override=said | {"by": "senior"})


async def test_where_any_name_will_do_everything_is_as_the_socket_s_role_says(lax: Pos) -> None:
    for action, calls in CALLS.items():
        for call in calls:
            method, params = call("accountant")
            held = action in (
                Action.OPERATORS,
                Action.ADJUST,
                Action.ADJUST_ANY,
                Action.SEE_PRIVATE,
            )
            assert held or await permitted(lax, method, params)


class TestStores:
    async def move(self, pos: Pos, role: OperatorRole, *stores: str) -> None:
        named = {"name": role.value, "role": role.value, "by": "owner"}
        await pos.call("operator.role", request_id=f"m{role}", stores=list(stores), **named)

    async def test_who_works_in_other_stores_does_nothing_in_this_one(self, strict: Pos) -> None:
        await self.move(strict, OperatorRole.MANAGER, "7", "8")
        error = await refused(strict, "card.block", **BLOCK, by="manager")
        assert error.message == "manager works in other stores, not in this one."
        elsewhere = BLOCK | {"by": "cashier"} | approval(OperatorRole.MANAGER)
        assert await refusal(strict, "card.block", **elsewhere) == PERMISSION
        await self.move(strict, OperatorRole.SENIOR, "7", "1")
        await strict.call("card.block", **BLOCK, by="senior")

    async def test_a_sale_of_another_store_is_taken_back_by_a_senior(
        self, tmp_path: Path, clock: HandClock
    ) -> None:
        async with shop(tmp_path, clock) as (_, pos):
            await pos.call("sale.commit", sale_id="s", lines=BASKET, cashier="cashier")
        text = (tmp_path / "tillcard.toml").read_text("utf-8")
        moved = text.replace('terminal = "till-1"', 'terminal = "till-1"\nstore = "7"')
        (tmp_path / "tillcard.toml").write_text(moved, "utf-8")
        async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
            back = {"return_id": "r", "sale_id": "s", "whole": True}
            assert await refusal(pos, "sale.return", **back, cashier="cashier") == PERMISSION
            await pos.call("sale.return", **back, cashier="senior")


class TestTheFirstOwner:
    async def test_comes_by_the_socket_s_role_and_then_says_who_else(
        self, tmp_path: Path, clock: HandClock
    ) -> None:
        lay_out(tmp_path, **KNOWN)
        async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
            first = {"request_id": "1", "name": "maria", "role": "owner", "by": "root"}
            await pos.call("operator.add", **first)
            later = {"request_id": "2", "name": "olha", "role": "owner"}
            assert await refusal(pos, "operator.add", **later, by="root") == PERMISSION
            await pos.call("operator.add", **later, by="maria")
            for name in ("maria", "olha"):  # the last one may go: the socket's role decides again
                await pos.call("operator.close", request_id=name, name=name, by=name)
            await pos.call("operator.add", request_id="3", name="ivan", role="owner", by="root")
