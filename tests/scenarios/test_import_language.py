"""What is wrong with a table of customers, in the language of whoever imports it."""

from tests.support.imports import apply, bring, ended
from tests.support.till import PLASTIC, Pos

HELLO = {"client": "console", "version": "1", "language": "uk"}
WHY = {"by": "olha", "reason": "the wrong file"}


async def test_bad_rows_are_explained_in_ukrainian(pos: Pos) -> None:
    await pos.call("hello", **HELLO)
    rows = [
        ["Olha", "12", "", ""],
        ["Ivan", "", "31.02.1990", ""],
        ["Petro", "", "", "1,250"],
        ["Vira", "0671112233", "", ""],
        ["Vira", "0671112233", "", ""],
    ]
    checked = await bring(
        pos, ("Ім'я", "Телефон", "birthday", "balance.bonus"), rows, request_id="i"
    )
    assert [row["problem"] for row in checked["rows"]] == [
        "не є номером телефону; напишіть, як +380 50 123 45 67",
        "не є днем, який є в календарі",
        "може бути тисячею або дробом; напишіть без розділових знаків: 1250 або 1.25",
        "у рядку 5 уже є",
    ]


async def test_what_was_left_and_what_stays_is_explained_in_ukrainian(pos: Pos) -> None:
    await pos.call("hello", **HELLO)
    await bring(pos, ("name", "phone"), [["Vira", "0671112233"], ["Olha", ""]], request_id="i")
    profile = {"name": "Vira", "phone": "0671112233"}
    await pos.call("card.issue", request_id="c", profile=profile)
    shown = await apply(pos, 2, request_id="i")
    assert shown["rows"][0]["note"].startswith("row: тим часом належить покупцеві a")
    found = await pos.call("customer.find", text="olha")
    account = found["customers"][0]["account"]
    await pos.call("customer.update", request_id="u", account=account, tags=["vip"])
    await pos.call("import.undo", request_id="x", import_id="I-2026-0001", **WHY)
    [stays] = (await ended(pos, "I-2026-0001"))["rows"]
    assert stays["note"].endswith("(customer) відтоді його змінив")
    assert (await pos.call("card.show", card=PLASTIC))["state"] == "active"
