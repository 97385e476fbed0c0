"""The guide's examples are right: what an owner copies from it is understood."""

import re
import tomllib
from pathlib import Path

from daemon.base.config import convert
from daemon.programme.programme import load
from web.web_settings import WebSettings

GUIDE = Path(__file__).parents[3] / "docs" / "phone.md"
BLOCK = re.compile(r"```toml\n(.*?)```", re.DOTALL)
PROGRAMME = '[programme]\nid = "x"\ncurrency = "UAH"\ntz = "Europe/Kyiv"\n[[lane]]\nid = "card"\n'


def test_the_settings_of_the_guide_are_understood() -> None:
    blocks = BLOCK.findall(GUIDE.read_text("utf-8"))
    said = tomllib.loads("\n".join(block for block in blocks if "[web" in block))
    settings = convert(said["web"], WebSettings, "web")
    assert settings.secure
    assert settings.balance_name("bonus", "uk") == "Бонуси"
    assert settings.coupons["flyer"].rule == "flyer"
    assert (settings.apple is None, settings.google is None) == (False, False)


def test_the_rule_of_the_guide_is_understood() -> None:
    (rule,) = (block for block in BLOCK.findall(GUIDE.read_text("utf-8")) if "[[rule]]" in block)
    (flyer,) = load(PROGRAMME + rule).rules
    assert flyer.limit is not None
    assert flyer.limit.per_card == 1


def test_the_limits_of_the_guide_are_the_limits() -> None:
    defaults, text = WebSettings(), " ".join(GUIDE.read_text("utf-8").split())
    assert f"{defaults.joins_max} forms an address in ten minutes" in text
    assert f"{defaults.requests_per_s} requests a second" in text
    assert defaults.joins_per_s == 600
