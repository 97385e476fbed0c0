"""One normal form over the socket: of coupons, of words, of gift cards and of card numbers."""

from pathlib import Path

import pytest

from tests.scenarios.shops import HEAD, documented, goods, refusal
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, lay_out, open_till

WAYS = (
    " {0}{1}{2} ",
    "{0} {1} {2}",
    "{0}-{1}-{2}",
    "{0}\u2013{1} \u2014 {2}",
    "{0}\u3000{1}\u00a0{2}",
    "{0}\u200b{1}\u00ad{2}",
)


def spelt(code: str) -> list[str]:
    groups = (code[:4], code[4:8], code[8:])
    wide = "".join(chr(ord(char) + 0xFEE0) for char in code)
    return [*(way.format(*groups) for way in WAYS), code.lower(), wide]


@pytest.fixture
def programme() -> str:
    return documented("coupon")


async def test_an_issued_code_is_found_and_used_up_in_any_spelling(pos: Pos) -> None:
    issued = await pos.call("code.issue", request_id="i1", campaign="hundred")
    code = issued["codes"][0]["code"]
    for typed in spelt(code):
        quote = await pos.call("sale.quote", lines=goods(30_000), codes=[typed])
        assert quote["total"] == 20_000
        assert (await pos.call("code.show", code=typed))["code"] == code
    both = [code, f"{code[:4]} {code[4:]}"]
    assert (await pos.call("sale.quote", lines=goods(30_000), codes=both))["total"] == 20_000
    await pos.call("sale.commit", sale_id="s1", lines=goods(30_000), codes=[spelt(code)[1]])
    for typed in [code, *spelt(code)]:
        used_up = await refusal(pos, "sale.quote", lines=goods(30_000), codes=[typed])
        assert used_up == (1025, "code_used_up")


async def test_a_campaign_s_name_is_no_code_in_any_spelling(pos: Pos) -> None:
    await pos.call("code.issue", request_id="i1", campaign="hundred")
    for typed in ("hundred", "HUN-DRED", "hun dred", "h\u200bundred"):
        unknown = await refusal(pos, "sale.quote", lines=goods(30_000), codes=[typed])
        assert unknown == (1024, "code_unknown")


async def test_a_word_of_the_programme_is_one_word(tmp_path: Path, clock: HandClock) -> None:
    rule = """
[[lane]]
id = "all"

[[rule]]
id = "winter"
lane = "all"
when = { codes = ["\u0130ND\u0130R\u0130M-10"] }
give = { percent = 10 }
limit = { per_code = 1 }
"""
    lay_out(tmp_path, HEAD + rule)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        for typed in ("indirim 10", "INDIRIM10", "I\u0307ndirim\u201110"):
            quote = await pos.call("sale.quote", lines=goods(10_000), codes=[typed])
            assert quote["total"] == 9_000
        await pos.call("sale.commit", sale_id="s1", lines=goods(10_000), codes=["INDIRIM 10"])
        for typed in ("indirim 10", "INDIRIM10"):
            quote = await pos.call("sale.quote", lines=goods(10_000), codes=[typed])
            assert quote["total"] == 10_000


async def test_a_card_s_number_is_one_number_in_any_spelling(pos: Pos) -> None:
    [account] = {
        (await pos.call("card.identify", number=typed, typed_by="anna"))["account"]
        for typed in (PLASTIC, *spelt(PLASTIC))
    }
    for typed in spelt(PLASTIC):
        assert (await pos.call("card.show", card=typed))["account"] == account


async def test_beside_a_quote_another_spelling_is_the_same(pos: Pos) -> None:
    [issued] = (await pos.call("code.issue", request_id="i1", campaign="hundred"))["codes"]
    code, other = issued["code"], "SOMETHING"
    terms = {"lines": goods(30_000), "codes": [code], "card": PLASTIC}
    quote = await pos.call("sale.quote", **terms)
    beside = {"sale_id": "s1", "quote_id": quote["quote_id"]}
    differs = await refusal(pos, "sale.commit", **beside, codes=[other])
    assert differs == (1008, "quote_differs")
    spelt_otherwise = {"codes": [spelt(code)[2]], "card": spelt(PLASTIC)[1]}
    posted = await pos.call("sale.commit", **beside, **spelt_otherwise)
    assert posted["total"] == quote["total"]
