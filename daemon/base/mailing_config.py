"""``[mailing]`` of ``tillcard.toml``: who may send how much, and by which gateways."""

import re
from email.utils import parseaddr
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from daemon.base.config_section import Section
from daemon.base.text_limits import Text, WrittenText

MAILED_MAX = 1_000_000
"""Accounts of an audience."""
LOG_DAYS = 365
"""How long it is kept what became of a message."""
QUIET = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\.\.([01][0-9]|2[0-3]):[0-5][0-9]")
_TURBOSMS: dict[str, Any] = {
    "url": "https://api.turbosms.ua/message/send.json",
    "headers": {"Authorization": "Bearer {secret}"},
    "id_at": "response_result.0.message_id",
    "error_at": "response_result.0.response_status",
}
_RECIPIENT = '"recipients": ["{digits}"], "sequence_id": "{key}"'
_SMS_BODY = '"sms": {"sender": "{sender}", "text": "{text}"}'
_VIBER_BODY = '"viber": {"sender": "{sender}", "text": "{text}"}'
PRESETS: dict[str, dict[str, Any]] = {
    "turbosms": {
        **_TURBOSMS,
        "body": "{" + f"{_RECIPIENT}, {_SMS_BODY}" + "}",
    },
    "turbosms-viber": {  # with an SMS where there is no Viber
        **_TURBOSMS,
        "body": "{" + f"{_RECIPIENT}, {_VIBER_BODY}, {_SMS_BODY}" + "}",
    },
}
"""Gateways that need no more than a sender and a secret."""
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
CAP = re.compile(r"[1-9][0-9]{0,2} in [1-9][0-9]{0,2}d")


class SmtpSection(Section, frozen=True, kw_only=True):
    """The shop's mail server.

    security: ``starttls`` or ``tls``; ``none`` only where the server is this machine.
    sender:   as ``Our shop <news@shop.example>``.
    user, password_file: who signs in; the password stands in a file of mode 0600.
    authority: a PEM file of the authority of the server's certificate; "": those of the system.
    timeout_s: how long any answer of it may take.
    """

    host: str
    sender: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: str = ""
    authority: str = ""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 30

    def __post_init__(self) -> None:
        local, at, domain = parseaddr(self.sender)[1].rpartition("@")
        if not (local and at and domain and self.sender.isprintable()):
            raise ValueError("sender: write such as Our shop <news@shop.example>")
        if self.security == "none" and self.host not in LOCAL_HOSTS:
            raise ValueError("security: without it only to this machine, localhost")
        if bool(self.user) != bool(self.password_file):
            raise ValueError("user: comes together with password_file")


class HttpSection(Section, frozen=True, kw_only=True):
    """A gateway of text messages over HTTP.

    preset:  ``turbosms`` or ``turbosms-viber`` says url, headers, body and answer; "": say them.
    url, headers, body: what is sent; in braces stand ``contact`` (+380…), ``digits`` (380…),
             ``text``, ``key`` (the message's own, the same at every try), ``sender``, ``secret``.
    id_at, error_at: where the JSON answer says its id of the message, and what is wrong.
    keys:    whether the gateway takes no ``key`` twice: then a message is tried again after a cut.
    secret_file: a file of mode 0600. authority: as that of the mail server.
    """

    preset: Literal["", "turbosms", "turbosms-viber"] = ""
    url: str = ""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: str = ""
    id_at: str = ""
    error_at: str = ""
    keys: bool = False
    sender: str = ""
    secret_file: str = ""
    authority: str = ""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 30

    def __post_init__(self) -> None:
        if not self.sent_url or not self.sent_body or not self.answer_id:
            raise ValueError("preset: name one, or write url, body and id_at")
        host = urlsplit(self.sent_url).hostname or ""
        if not self.sent_url.startswith("https://") and host not in LOCAL_HOSTS:
            raise ValueError("url: must begin with https://")
        try:
            msgspec.json.decode(self.sent_body)
        except msgspec.DecodeError as error:
            raise ValueError(f"body: is not JSON: {error}") from None

    @property
    def _known(self) -> dict[str, Any]:
        return PRESETS.get(self.preset, {})

    @property
    def sent_url(self) -> str:
        """Where messages go: what is written, else the preset's."""
        return self.url or str(self._known.get("url", ""))

    @property
    def sent_headers(self) -> dict[str, str]:
        """The preset's headers, and those that are written."""
        return {**self._known.get("headers", {}), **self.headers}

    @property
    def sent_body(self) -> str:
        """The body's template."""
        return self.body or str(self._known.get("body", ""))

    @property
    def answer_id(self) -> str:
        """Where the answer has the gateway's id."""
        return self.id_at or str(self._known.get("id_at", ""))

    @property
    def answer_error(self) -> str:
        """Where the answer says what is wrong."""
        return self.error_at or str(self._known.get("error_at", ""))


class MailingSection(Section, frozen=True, kw_only=True):
    """Messages to customers.

    manager_max: to how many a manager may send; an owner to any number.
    two_above:  above so many recipients whoever wrote a mailing may not be alone to approve it.
    cap:        how many messages a customer gets at most, by all channels, such as ``4 in 30d``;
                "": any number.
    consent:    the purpose of the questionnaire's consent that allows them.
    address:    the question whose answer is where letters go.
    link:       what ``{link}`` is: an address of the shop's pages; "": no text may have it.
    quiet:      hours of the shop's clock in which nothing is sent, such as ``20:00..09:00``; "":
                none.
    per_second, per_day: messages that go out at most by a channel; per_day 0: any number.
    email:      the mail server; unset: e-mails are not sent by the till.
    sms, viber: the gateways of these; the same.
    """

    manager_max: Annotated[int, msgspec.Meta(ge=0, le=MAILED_MAX)] = 500
    two_above: Annotated[int, msgspec.Meta(ge=0, le=MAILED_MAX)] = 500
    cap: str = "4 in 30d"
    consent: str = "marketing"
    address: str = "address"
    link: str = ""
    quiet: str = "20:00..09:00"
    per_second: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 10
    per_day: Annotated[int, msgspec.Meta(ge=0, le=MAILED_MAX)] = 0
    email: SmtpSection | None = None
    sms: HttpSection | None = None
    viber: HttpSection | None = None

    def __post_init__(self) -> None:
        if self.quiet and QUIET.fullmatch(self.quiet) is None:
            raise ValueError('quiet: write such as "20:00..09:00", or "" for none')
        if self.cap and CAP.fullmatch(self.cap) is None:
            raise ValueError('cap: write such as "4 in 30d", or "" for any number')

    @property
    def cap_count(self) -> int:
        """How many messages a customer gets at most within ``cap_days``; 0: any number."""
        return int(self.cap.partition(" ")[0]) if self.cap else 0

    @property
    def cap_days(self) -> int:
        """Within how many days."""
        return int(self.cap.rpartition(" ")[2].removesuffix("d")) if self.cap else 0


Occasion: TypeAlias = Literal[
    "birthday", "expiring", "club_due", "first_sale", "sale", "back", "dormant"
]
AHEAD: tuple[Occasion, ...] = ("birthday", "expiring", "club_due")
"""Of these ``days`` lie before the occasion, of the others behind it."""
TRIGGER_DAYS_MAX = 3_650


class TriggerText(Section, frozen=True, kw_only=True):
    """What is said in one language. ``subject``: of an e-mail."""

    text: WrittenText
    subject: Text = ""


class TriggerSection(Section, frozen=True, kw_only=True):
    """``[[trigger]]``: a message that the till writes by itself, once for each occasion.

    on:   the occasion; days: before a birthday, a last day of points, the end of a window; after a
          purchase; away, before a customer was back or is dormant.
    id:   its name where two are of one occasion, else the occasion's. Another name begins anew.
    cost: of a message, or a part of an SMS, in minor units. text: by language.
    """

    on: Occasion
    days: Annotated[int, msgspec.Meta(ge=0, le=TRIGGER_DAYS_MAX)]
    channel: Literal["sms", "viber", "email", "post"]
    text: dict[Literal["en", "uk"], TriggerText]
    id: Annotated[str, msgspec.Meta(pattern=r"^([a-z][a-z0-9_-]{0,31})?$(?!\n)")] = ""
    cost: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)] = 0

    def __post_init__(self) -> None:
        if not self.days and self.on not in AHEAD:
            raise ValueError(f"days: at least 1; a day is over when {self.on} is looked for")

    @property
    def name(self) -> str:
        """What its occasions are kept under."""
        return self.id or self.on
