from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.text_limits import is_printable
from daemon.shop.phone_card_views import JoinForm
from web.page_language import LANGUAGES, Language
from web.phone.join_form import EMAIL_CHARS_MAX, NAME_CHARS_MAX, JoinFormError, check_join_form
from web.web_settings import WebSettings

TODAY = date(2026, 11, 22)
CONSENT = {"personal_data": "yes"}
FIELDS = ["name", "phone", "email", "birthday", "personal_data", "marketing_sms", "other"]


def check(
    typed: Mapping[str, str], settings: WebSettings | None = None, country: str = "UA"
) -> JoinForm:
    return check_join_form(
        typed,
        form_id="f",
        language="uk",
        today=TODAY,
        settings=settings or WebSettings(),
        country=country,
    )


def mistakes(typed: Mapping[str, str], settings: WebSettings | None = None) -> dict[str, str]:
    with pytest.raises(JoinFormError) as caught:
        check(typed, settings)
    return caught.value.fields


def test_a_full_form_is_taken_over_field_by_field() -> None:
    typed = {
        "name": "  Оксана \t Шевченко ",
        "phone": "050 123-45-67",
        "email": " oksana@example.com ",
        "birthday": "1990-12-31",
        "personal_data": "yes",
        "marketing_email": "yes",
        "marketing_pigeon": "yes",
    }
    assert check(typed) == JoinForm(
        form_id="f",
        name="Оксана Шевченко",
        phone="+380501234567",
        email="oksana@example.com",
        birthday=date(1990, 12, 31),
        consents=("personal_data", "marketing:email"),
        language="uk",
    )


@pytest.mark.parametrize(
    "name",
    [
        "\u0645\u06cc\u200c\u0631\u0627",  # Persian, with a non-joiner inside
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala, with a joiner inside
        "Ngu\u1ec5n Th\u1ecb",
    ],
)
def test_a_name_is_written_as_its_language_writes_it(name: str) -> None:
    assert check({"name": name, **CONSENT}).name == name


def test_an_empty_form_is_an_anonymous_card() -> None:
    assert check({}) == JoinForm(form_id="f", language="uk")


def test_a_shop_without_anonymous_cards_asks_for_name_and_phone() -> None:
    named = WebSettings(anonymous=False)
    assert mistakes({}, named) == {"name": "error.name_missing", "phone": "error.phone_missing"}
    form = check({"name": "Olha", "phone": "+380501234567", **CONSENT}, named)
    assert form.name == "Olha"


@pytest.mark.parametrize(
    ("typed", "phone"),
    [
        ("+380 50 123 45 67", "+380501234567"),
        ("00380501234567", "+380501234567"),
        ("(050) 123.45.67", "+380501234567"),
        ("+12025550123", "+12025550123"),
        ("+380 (0) 50 123\u20134567", "+380501234567"),
        ("050/123\u00ad45\u200b67", "+380501234567"),
        ("+\u0663\u0668\u0660501234567", "+380501234567"),
    ],
)
def test_a_phone_number_is_kept_as_e164(typed: str, phone: str) -> None:
    assert check({"phone": typed, **CONSENT}).phone == phone


@pytest.mark.parametrize(
    ("field", "typed", "key"),
    [
        ("name", "x" * (NAME_CHARS_MAX + 1), "error.name_long"),
        ("name", "a\u202eb", "error.name_characters"),
        ("name", "a\x00b", "error.name_characters"),
        ("phone", "12", "error.phone"),
        ("phone", "+1234567", "error.phone"),
        ("phone", "+1234567890123456", "error.phone"),
        ("phone", "+38050123456x", "error.phone"),
        ("phone", "\u200b", "error.phone"),
        ("phone", "050 123 45 67, 050 123 45 68", "error.phone"),
        ("phone", "0151 234 567 89", "error.phone"),  # a German one, in a Ukrainian shop
        ("email", "nobody", "error.email"),
        ("email", "a@b", "error.email"),
        ("email", "a@b..c", "error.email"),
        ("email", "a b@example.com", "error.email"),
        ("email", "a\x00@example.com", "error.email"),
        ("email", "a@" + "b" * EMAIL_CHARS_MAX + ".com", "error.email"),
        ("birthday", "31.12.1990", "error.birthday"),
        ("birthday", "2026-11-23", "error.birthday"),
        ("birthday", "1899-12-31", "error.birthday_early"),
        ("birthday", "1800-01-01", "error.birthday_early"),
        ("name", "Ol\ufffdha", "error.name_characters"),
        ("name", "Olha\u2066x", "error.name_characters"),
        ("name", "\u200d\u200c", "error.name_characters"),
        ("name", "Olha 4111 1111 1111 1111", "error.bank_card"),
        ("phone", "4111 1111 1111 1111", "error.bank_card"),
        ("email", "4111111111111111@example.com", "error.bank_card"),
        ("birthday", "4111111111111111", "error.bank_card"),
        ("marketing_sms", "yes", "error.phone_for_offers"),
        ("marketing_viber", "yes", "error.phone_for_offers"),
        ("marketing_email", "yes", "error.email_for_offers"),
        ("birthday", "1990-02-30", "error.birthday"),
    ],
)
def test_a_wrong_field_is_named_with_its_sentence(field: str, typed: str, key: str) -> None:
    beside = {"marketing_email": "email"}.get(field, "phone" if "marketing" in field else field)
    assert mistakes({field: typed, **CONSENT}) == {beside: key}
    assert Language("en").say(key)


def test_the_longest_name_and_today_s_birthday_are_right() -> None:
    form = check({"name": "x" * NAME_CHARS_MAX, "birthday": "2026-11-22", **CONSENT})
    assert (len(form.name), form.birthday) == (NAME_CHARS_MAX, TODAY)


@pytest.mark.parametrize(
    "typed",
    [
        {"name": "Olha"},
        {"phone": "0501234567"},
        {"email": "a@example.com"},
        {"birthday": "1990-12-31"},
        {"phone": "0501234567", "marketing_sms": "yes"},
        {"name": "Olha", "personal_data": "no"},
        {"name": "Olha", "personal_data": "Yes"},
    ],
)
def test_nothing_personal_is_kept_without_consent(typed: dict[str, str]) -> None:
    assert mistakes(typed) == {"personal_data": "error.consent_missing"}


def test_all_mistakes_are_named_at_once() -> None:
    assert set(mistakes({"phone": "1", "email": "1", "birthday": "1"})) == {
        "phone",
        "email",
        "birthday",
        "personal_data",
    }


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=300)))
def test_anything_typed_is_a_form_or_sentences_in_every_language(typed: dict[str, str]) -> None:
    keys: list[str] = []
    form = None
    try:
        form = check(typed)
    except JoinFormError as error:
        keys = list(error.fields.values())
    assert bool(keys) != bool(form)
    for code in LANGUAGES:
        assert all(Language(code).say(key) for key in keys)
    if form is not None:
        assert len(form.name) <= NAME_CHARS_MAX
        assert is_printable(form.name)
        assert "personal_data" in form.consents or form == JoinForm(form_id="f", language="uk")
