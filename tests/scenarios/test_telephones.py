"""A customer's telephone over the socket: kept in E.164, refused beside its field, never a card."""

from pathlib import Path
from typing import Any

import pytest

from card_formats.credential import Credential, Medium, Trust
from daemon.app.running import App
from tests.scenarios.shops import FRIEND, refusal
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import Pos, lay_out, open_till


def of(phone: str) -> dict[str, Any]:
    return {"request_id": "i1", "number": FRIEND, "profile": {"name": "Petro", "phone": phone}}


@pytest.mark.parametrize(
    "phone",
    ["050/123-45-67", "+380 (0) 50 123 45 67", "00380501234567", "050\u2013123\u200b4567"],
)
async def test_a_customer_s_telephone_is_kept_in_one_spelling(
    till: App, pos: Pos, phone: str
) -> None:
    await pos.call("card.issue", **of(phone))
    found = await till.cards.resolve(Credential("number", FRIEND, Medium.TYPED, Trust.STATIC))
    assert found.profile.phone == "+380501234567"


@pytest.mark.parametrize("phone", ["12", "0151 23456789", "050 123 45 67 ext 5", "nobody"])
async def test_what_is_no_telephone_is_refused_beside_its_field_and_binds_nothing(
    pos: Pos, phone: str
) -> None:
    error = await refused(pos, "card.issue", **of(phone))
    assert (error.code, error.message.split(":")[0]) == (-32602, "profile.phone")
    assert (await pos.call("card.issue", **of("050 123 45 67")))["number"] == FRIEND


async def test_without_a_country_a_number_needs_its_country_code(
    tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path, **{'country = "UA"\n': ""})
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        assert (await refusal(pos, "card.issue", **of("050 123 45 67")))[0] == -32602
        await pos.call("card.issue", **of("+380 50 123 45 67"))


@pytest.mark.parametrize(
    ("phone", "refused_as"),
    [
        ("4111 1111 1111 1111", (1010, "card_unknown")),
        ("4111\u20131111\u20131111\u20131111", (1010, "card_unknown")),
        ("+4111 1111 1111 1111", (-32602, "invalid_params")),  # longer than any telephone
    ],
)
async def test_a_payment_card_in_the_place_of_a_telephone_is_refused(
    pos: Pos, phone: str, refused_as: tuple[int, str]
) -> None:
    assert await refusal(pos, "card.issue", **of(phone)) == refused_as
