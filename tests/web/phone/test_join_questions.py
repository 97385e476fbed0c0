"""The join page asks what the shop asks, and takes what a till would take."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar
from hypothesis import given
from hypothesis import strategies as st

from daemon.customers.questionnaire import load
from tests.daemon.customers.test_questionnaire import OF_THE_SPEC
from tests.support.clock import HandClock
from tests.support.till import Pos, lay_out, open_till
from tests.web.conftest import HIDDEN, Shop
from web.phone.join_form import JoinFormError
from web.phone.join_questions import check_questions

MORE = """
[[question]]
id = "likes"
kind = "multi"
choices = ["tea", "coffee"]
required = false
ask.en = "What do you like?"
ask.uk = "Що ви любите?"
[[question]]
id = "size"
kind = "number"
required = false
[[question]]
id = "name"
kind = "name"
"""
ASKED = load(OF_THE_SPEC.replace("[[consent]]", f"{MORE}\n[[consent]]"))
CONSENT = {"c_personal_data": "yes"}
WHOLE = {"q_name": "Olha  K", "q_phone": "067 123 45 67"} | CONSENT


def checked(typed: dict[str, str]) -> Any:
    return check_questions(ASKED, typed, form_id="f", language="uk", country="UA")


def test_what_was_typed_is_kept_as_at_a_till() -> None:
    form = checked(
        WHOLE | {"q_for_whom": "gift", "q_likes_1": "yes", "q_size": "42", "c_marketing_sms": "yes"}
    )
    assert form.answers == {
        "phone": "+380671234567",
        "for_whom": "gift",
        "likes": ("coffee",),
        "size": 42,
        "name": "Olha K",
    }
    assert form.consents == ("personal_data", "marketing:sms")


def test_whoever_fills_in_nothing_stays_anonymous() -> None:
    form = checked({"q_phone": " ", "q_likes_0": "no"})
    assert (form.answers, form.consents) == ({}, ())


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        (WHOLE | {"q_phone": ""}, {"q_phone": "error.one_of", "q_email": "error.one_of"}),
        (WHOLE | {"q_name": ""}, {"q_name": "error.required"}),
        (WHOLE | {"c_personal_data": ""}, {"c_personal_data": "error.consent_missing"}),
        (WHOLE | {"q_phone": "12"}, {"q_phone": "error.phone"}),
        (WHOLE | {"q_size": "big"}, {"q_size": "error.number"}),
        (WHOLE | {"q_for_whom": "you"}, {"q_for_whom": "error.answer"}),
        (WHOLE | {"q_name": "4111 1111 1111 1111"}, {"q_name": "error.bank_card"}),
        (WHOLE | {"q_name": "x" * 201}, {"q_name": "error.name_characters"}),
        (
            CONSENT,
            {"q_name": "error.required"} | dict.fromkeys(["q_phone", "q_email"], "error.one_of"),
        ),
    ],
)
def test_every_wrong_field_is_named(typed: dict[str, str], wrong: dict[str, str]) -> None:
    with pytest.raises(JoinFormError) as error:
        checked(typed)
    assert error.value.fields == wrong


@given(st.dictionaries(st.sampled_from([*WHOLE, "q_size", "q_likes_0", "q_email"]), st.text()))
def test_anything_typed_gives_a_form_or_its_mistakes(typed: dict[str, str]) -> None:
    try:
        form = checked(typed)
    except JoinFormError:
        return
    assert "personal_data" in form.consents or not form.answers


async def test_the_page_shows_each_question_in_the_visitor_s_language(shop: Shop) -> None:
    shop.desk.asked = ASKED
    page = (await shop.get("/join", **{"Accept-Language": "uk"})).text
    for said in ("Що ви любите?", "Телефон", '<option value="gift">', "c_marketing_sms"):
        assert said in page, said
    assert "For whom?" in (await shop.get("/join")).text
    wrong = await shop.join(**WHOLE | {"q_phone": "", "q_name": '"><b>'})
    assert wrong.status == 422
    assert "Please answer one of these." in wrong.text
    assert "&gt;&lt;b&gt;" in wrong.text
    joined = await shop.join(**WHOLE)
    assert joined.status == 303


async def test_who_joins_under_a_shop_s_own_questionnaire_is_known_at_the_till(
    tmp_path: Path,
) -> None:
    lay_out(tmp_path)
    async with (
        open_till(tmp_path, HandClock()) as till,
        Pos.connect(till.socket) as pos,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as client,
    ):
        text = ASKED.text
        done = await pos.call("questionnaire.activate", request_id="q", text=text, by="olha")
        async with client.get(f"{till.web_url}/join") as form:
            fields = dict(HIDDEN.findall(await form.text()))
        terms: dict[str, Any] = {
            "data": fields | WHOLE | {"q_likes_0": "yes"},
            "allow_redirects": False,
        }
        async with client.post(f"{till.web_url}/join", **terms) as joined:
            assert joined.status == 303
        [found] = (await pos.call("customer.find", text="olha k"))["customers"]
        known = await pos.call("customer.show", account=found["account"])
        assert known["answers"] == {
            "name": "Olha K",
            "phone": "+380671234567",
            "language": "en",
            "likes": ["tea"],
        }
        [consent] = known["consents"]
        assert (consent["source"], consent["text_version"]) == ("form", done["version"])
