"""A cashier who reads Ukrainian, at a till that may think what it likes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenarios.baskets import sell
from tests.scenarios.shops import documented
from tests.support.clock import HandClock
from tests.support.phone import bind
from tests.support.pos import refused
from tests.support.till import PHONE, PLASTIC, Pos, lay_out, open_till

HELLO = {"client": "till", "version": "1"}
WHY = {"cashier": "anna", "reason": "changed her mind"}


async def refusal_of(pos: Pos, method: str, **params: object) -> str:
    error = await refused(pos, method, **params)
    assert error.data["detail"] == error.message
    return error.message


@pytest.fixture
async def both(pos: Pos, tmp_path: Path) -> AsyncIterator[tuple[Pos, Pos]]:
    """Two programs at one till: the first says nothing of its language, the second does."""
    async with Pos.connect(tmp_path / "pos.sock") as ukrainian:
        hello = await ukrainian.call("hello", **HELLO, language="uk-UA")
        assert hello["language"] == "uk"
        yield pos, ukrainian


async def test_each_program_is_told_in_its_own_language(both: tuple[Pos, Pos]) -> None:
    english, ukrainian = both
    assert english.greeting["language"] == "en"
    olena = await english.call("card.identify", scan=PLASTIC)
    assert olena["message"] == "Good day, Olena!"
    assert (await ukrainian.call("card.identify", scan=PLASTIC))["message"] == "Вітаємо, Olena!"
    told = [await refusal_of(pos, "card.identify", scan=PLASTIC[:-1] + "0") for pos in both]
    assert told == [
        "Misread (number.bad-check); please show it again.",
        "Не прочиталося (number.bad-check); покажіть ще раз.",
    ]


async def test_a_refusal_is_said_in_the_language_of_who_asks(
    both: tuple[Pos, Pos],
) -> None:
    english, ukrainian = both
    shown = (await english.call("card.identify", scan=PLASTIC))["presentation"]
    await sell(english, "s1", shown)
    await english.call("sale.return", return_id="r1", sale_id="s1", whole=True, **WHY)
    again = {"return_id": "r2", "sale_id": "s1", "whole": True, **WHY}
    assert await refusal_of(english, "sale.return", **again) == (
        "All of this sale has come back already."
    )
    assert await refusal_of(ukrainian, "sale.return", **again) == "Увесь цей продаж уже повернуто."


async def test_what_is_wrong_with_a_phone_s_code_is_said_with_its_minutes(tmp_path: Path) -> None:
    lay_out(tmp_path, **{"[till]": '[till]\nlanguage = "uk"'})
    clock = HandClock()
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        assert pos.greeting["language"] == "uk"
        phone = await bind(till, PHONE, clock)
        old, fast = phone.picture_by(-720).code(), phone.picture_by(240).code()
        assert await refusal_of(pos, "card.identify", scan=old) == (
            "Знімок екрана, йому 12 хв: попросіть показати саму сторінку картки."
        )
        assert await refusal_of(pos, "card.identify", scan=fast) == (
            "Годинник телефона поспішає на 4 хв: попросіть увімкнути автоматичний час."
        )
        code = phone.code()
        await sell(pos, "s1", (await pos.call("card.identify", scan=code))["presentation"])
        assert await refusal_of(pos, "card.identify", scan=code) == (
            "Цей код уже використано; зачекайте на наступний на телефоні."
        )
        static = (await pos.call("card.identify", scan=PHONE))["presentation"]
        assert "Переконайтеся, чия це картка" in await refusal_of(
            pos, "card.phone_link", presentation=static
        )


async def test_a_wrong_field_keeps_its_path_and_is_explained_in_the_language_of_who_asks(
    both: tuple[Pos, Pos],
) -> None:
    issue = {"request_id": "i-1", "profile": {"birthday": "31.12.1990"}}
    assert [await refusal_of(pos, "card.issue", **issue) for pos in both] == [
        "profile.birthday: '31.12.1990' is no day; write such as 2027-12-31",
        "profile.birthday: '31.12.1990' не є датою; напишіть, наприклад, 2027-12-31",
    ]


async def test_a_language_that_is_not_spoken_leaves_the_till_s_own(pos: Pos) -> None:
    assert (await pos.call("hello", **HELLO, language="de"))["language"] == "en"
    assert (await pos.call("hello", **HELLO, language="uk"))["language"] == "uk"
    assert (await pos.call("hello", **HELLO))["language"] == "uk", "as it was asked before"


class TestSteps:
    @pytest.fixture
    def programme(self) -> str:
        return documented("tenth").replace("a free coffee", "безкоштовна кава")

    async def test_how_far_a_free_piece_is_has_the_form_of_its_number(
        self, both: tuple[Pos, Pos]
    ) -> None:
        said = []
        for pieces in (4, 7, 8, 9):
            coffee = {"line": 1, "sku": "c", "qty": pieces, "unit_price": 5_000}
            lines = [coffee | {"category": ["coffee"]}]
            answers = [await pos.call("sale.quote", card=PLASTIC, lines=lines) for pos in both]
            said.append([answer["next"][0]["text"] for answer in answers])
        assert said == [
            ["5 more for безкоштовна кава", "ще 5 штук — і безкоштовна кава"],
            ["2 more for безкоштовна кава", "ще 2 штуки — і безкоштовна кава"],
            ["1 more for безкоштовна кава", "ще 1 штука — і безкоштовна кава"],
            ["the next one is free", "наступна — безкоштовно"],
        ]
