"""The questionnaire: what a customer typed, checked field by field."""

import re
from collections.abc import Mapping
from datetime import date

from card_formats.bank_card import PAN_DIGITS_MIN, holds_bank_card
from daemon.base.telephones import TelephoneError, e164
from daemon.base.text_limits import is_printable, says_something
from daemon.pos.bank_cards import DIGITS_MIN
from daemon.shop.phone_card_views import JoinForm
from web.web_settings import WebSettings

NAME_CHARS_MAX = 80
EMAIL_CHARS_MAX = 254  # RFC 5321, 4.5.3.1.3, less its angle brackets
BIRTH_YEAR_MIN = 1900
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
PERSONAL_DATA = "personal_data"
TICKED = "yes"
"""What the form's own boxes say; anything else is no consent."""
REPLACED = "\N{REPLACEMENT CHARACTER}"  # stands for bytes that are no UTF-8


class JoinFormError(ValueError):
    """Fields to correct. ``fields`` maps each to the key of the sentence to show beside it."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(", ".join(f"{field}: {key}" for field, key in fields.items()))
        self.fields = fields


def check_join_form(
    typed: Mapping[str, str],
    *,
    form_id: str,
    language: str,
    today: date,
    settings: WebSettings,
    country: str,
) -> JoinForm:
    """Turn what was typed into a ``JoinForm``.

    typed:   ``name phone email birthday`` as text and each ticked consent as TICKED; others are
             not looked at.
    country: of a telephone number without a country code (``daemon/base/telephones.py``).
    Raises:  JoinFormError with every field that is wrong, not only the first.
    """
    marketing = {f"marketing_{one}": f"marketing:{one}" for one in settings.marketing_channels}
    offered = {PERSONAL_DATA: PERSONAL_DATA} | marketing
    birthday_text = typed.get("birthday", "").strip()
    phone_text = typed.get("phone", "").strip()
    phone = _telephone(phone_text, country)
    form = JoinForm(
        form_id=form_id,
        name=" ".join(typed.get("name", "").split()),
        phone=phone,
        email=typed.get("email", "").strip(),
        birthday=_past_day(birthday_text, today),
        consents=tuple(word for box, word in offered.items() if typed.get(box) == TICKED),
        language=language,
    )
    wrong = _malformed(form)
    if phone_text and not phone:
        wrong["phone"] = "error.phone"
    if birthday_text and form.birthday is None:
        wrong["birthday"] = _birthday_mistake(birthday_text, today)
    if not settings.anonymous:
        wrong |= {"name": "error.name_missing"} if not form.name else {}
        wrong |= {"phone": "error.phone_missing"} if not phone_text else {}
    for channel in settings.marketing_channels:
        field = "email" if channel == "email" else "phone"
        if f"marketing:{channel}" in form.consents and not getattr(form, field):
            wrong.setdefault(field, f"error.{field}_for_offers")
    wrong |= _bank_cards(typed)
    # Consent comes last: whoever typed anything personal, even wrongly, is asked for it at once,
    # so that the form is not sent back twice. A text that is no day or no number counts.
    personal = form.name or phone_text or form.email or birthday_text or form.consents
    if personal and PERSONAL_DATA not in form.consents:
        wrong[PERSONAL_DATA] = "error.consent_missing"
    if wrong:
        raise JoinFormError(wrong)
    return form


def _malformed(form: JoinForm) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if len(form.name) > NAME_CHARS_MAX:
        wrong["name"] = "error.name_long"
    elif form.name and not _is_name(form.name):
        wrong["name"] = "error.name_characters"
    if form.email and not _is_email(form.email):
        wrong["email"] = "error.email"
    return wrong


def _is_name(text: str) -> bool:
    return is_printable(text) and says_something(text) and REPLACED not in text


def _bank_cards(typed: Mapping[str, str]) -> dict[str, str]:
    """Say beside each field that it holds the number of a payment card: none is kept anywhere."""
    return {
        field: "error.bank_card"
        for field in ("name", "phone", "email", "birthday")
        if holds_bank_card(typed.get(field, ""), (), DIGITS_MIN.get(field, PAN_DIGITS_MIN))
    }


def _is_email(text: str) -> bool:
    """Whether mail could be sent there: one @, a dotted domain, nothing invisible."""
    return len(text) <= EMAIL_CHARS_MAX and text.isprintable() and bool(EMAIL.fullmatch(text))


def _telephone(text: str, country: str) -> str:
    """Return a number in E.164, or "" for none."""
    try:
        return e164(text, country)
    except TelephoneError:
        return ""


def _birthday_mistake(text: str, today: date) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return "error.birthday"
    return "error.birthday" if day > today else "error.birthday_early"


def _past_day(text: str, today: date) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year >= BIRTH_YEAR_MIN and day <= today else None
