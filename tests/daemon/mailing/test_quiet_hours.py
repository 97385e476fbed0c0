from datetime import time

import pytest

from daemon.base.config import ConfigError, convert
from daemon.base.mailing_config import HttpSection, MailingSection, SmtpSection
from daemon.mailing.quiet_hours import quiet_hours


@pytest.mark.parametrize(
    ("said", "at", "is_quiet"),
    [
        ("20:00..09:00", "19:59", False),
        ("20:00..09:00", "20:00", True),
        ("20:00..09:00", "03:00", True),
        ("20:00..09:00", "08:59", True),
        ("20:00..09:00", "09:00", False),
        ("12:00..13:00", "12:30", True),
        ("12:00..13:00", "13:00", False),
        ("12:00..12:00", "12:00", False),
    ],
)
def test_quiet_hours_go_over_midnight(said: str, at: str, *, is_quiet: bool) -> None:
    hours = quiet_hours(said)
    assert hours is not None
    assert hours.hold(time.fromisoformat(at)) is is_quiet


def test_there_may_be_none() -> None:
    assert quiet_hours("") is None


@pytest.mark.parametrize(
    ("section", "said", "problem"),
    [
        (MailingSection, {"quiet": "24:00..09:00"}, 'quiet: write such as "20:00..09:00"'),
        (MailingSection, {"cap": "four in 30d"}, 'cap: write such as "4 in 30d"'),
        (MailingSection, {"per_second": 0}, "per_second"),
        (SmtpSection, {"host": "h", "sender": "shop"}, "sender: write such as"),
        (
            SmtpSection,
            {"host": "mail.example", "sender": "a@b.c", "security": "none"},
            "security: without it only to this machine",
        ),
        (SmtpSection, {"host": "h", "sender": "a@b.c", "user": "u"}, "user: comes together"),
        (HttpSection, {}, "preset: name one, or write url, body and id_at"),
        (HttpSection, {"preset": "turbosms", "url": "http://a.b"}, "url: must begin with https"),
        (HttpSection, {"preset": "turbosms", "body": "{"}, "body: is not JSON"),
    ],
)
def test_what_is_wrong_in_the_settings_is_said(
    section: type, said: dict[str, object], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem.replace("(", r"\(")):
        convert(said, section)


def test_a_cap_is_read() -> None:
    section = convert({"cap": "4 in 30d"}, MailingSection)
    assert (section.cap_count, section.cap_days) == (4, 30)
    none = convert({"cap": ""}, MailingSection)
    assert (none.cap_count, none.cap_days) == (0, 0)
