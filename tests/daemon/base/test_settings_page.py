"""docs/settings.md names every key of the settings, with its default."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.base.config import (
    BooksSection,
    CardNumbersSection,
    Config,
    PolicySection,
    SimulatedSection,
    SocketSection,
    TillSection,
)
from daemon.base.mailing_config import (
    HttpSection,
    MailingSection,
    SmtpSection,
    TriggerSection,
)
from daemon.keys.key_files import TokenSettings
from web.web_settings import AppleSettings, CouponSettings, GoogleSettings, WebSettings

PAGE = (Path(__file__).parents[3] / "docs/settings.md").read_text("utf-8")
TABLES: dict[str, type[msgspec.Struct]] = {
    "`[till]`": TillSection,
    "`[socket]`": SocketSection,
    "`[policy]`": PolicySection,
    "`[card_numbers]`": CardNumbersSection,
    "`[books]`": BooksSection,
    "`[mailing]`": MailingSection,
    "`[mailing.email]`": SmtpSection,
    "`[mailing.sms]`": HttpSection,
    "`[[trigger]]`": TriggerSection,
    "`[simulated]`": SimulatedSection,
    "`[web]`": WebSettings,
    "`[web.coupons.flyer]`": CouponSettings,
    "`[web.apple]`": AppleSettings,
    "`[web.google]`": GoogleSettings,
    "`[token]`": TokenSettings,
}
TOP = "The top of the file"


def said(heading: str) -> dict[str, str]:
    """Return the default of each key in the table under a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| `?(.+?)`? \|", section, re.MULTILINE))


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """Return a key's default as the page writes it."""
    if field.required:
        return "-"
    value: Any = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory()
    return "unset" if value is None else json.dumps(msgspec.to_builtins(value))


def defaults_of(table: type[msgspec.Struct]) -> dict[str, str]:
    fields = msgspec.structs.fields(table)
    return {each.encode_name: default_of(each) for each in fields}


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_of_a_table_and_its_default_stand_on_the_page(heading: str) -> None:
    assert said(heading) == defaults_of(TABLES[heading])


def test_every_table_of_the_settings_is_on_the_page_or_on_one_that_it_names() -> None:
    keys, above = defaults_of(Config), said(TOP)
    assert {key: keys[key] for key in above} == above
    for key in keys.keys() - above.keys():
        assert re.search(rf"`\[{{1,2}}{key}\]{{1,2}}`", PAGE), key
