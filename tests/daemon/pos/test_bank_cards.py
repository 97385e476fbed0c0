"""What in a request is taken for a bank card's number, and what that looks like one is not."""

import json
import random
import unicodedata
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.bank_card import PAYMENT_RANGES, is_payment_number
from card_formats.check_digits import Check, append_check, has_valid_check
from card_formats.number_ranges import NumberRange
from card_formats.phone.rotating import CODE_DIGITS, compose
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.pos.bank_cards import refuse_bank_cards
from daemon.pos.session_methods import SESSION_METHODS

# The networks' public test numbers.
VISA, AMEX, MASTERCARD = "4111111111111111", "378282246310005", "5555555555554444"
OWN = NumberRange(name="own", prefix="411111", length=16, check=Check.LUHN)


def is_refused(params: Any, own: tuple[NumberRange, ...] = (), *unkept: str) -> bool:
    raw = params if isinstance(params, bytes) else msgspec.json.encode(params)
    try:
        refuse_bank_cards(msgspec.Raw(raw), own, lambda name: name not in unkept)
    except RefusedError as error:
        return error.code is ErrorCode.CARD_UNKNOWN
    return False


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "4111 - 1111 - 1111 - 1111",
        "4111/1111/1111/1111",
        "4111_1111_1111_1111",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111, 1111, 1111, 1111",
        "4111+1111+1111+1111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1",
        "3782/822463/10005",
        "\uff14\uff11\uff11\uff11 1111 1111 1111",
        "3782 822463 10005",
        f"paid by card {MASTERCARD}, thanks",
        f"tel. 0671234567 {VISA}",
        f"VISA{VISA}",
        f"картка{VISA}",
        f"{VISA}/12/29",
        f";{VISA}=25121010000?",
        f";01{VISA}=25121010000?",
        f"%B{VISA}^SAMPLE/CARD^25121010000?",
        f"%{VISA}^SAMPLE/CARD^2512101",
        f";{VISA}25121010000?",
        f"{VISA}=2512101",
    ],
)
def test_a_bank_card_is_seen_however_it_is_written(text: str) -> None:
    assert is_refused({"reason": text})
    assert is_refused({"tenders": [{"a": [{"deep": text}]}]})
    assert is_refused({"facts": {text: 1}}), "as a key too"


PRINTED = ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (16,), (1,) * 16)
FOREIGN_ZEROS = "\uff10\u0660\u06f0\u0966\u17e0\U0001d7ce"  # the noughts of other digits


def numbers_as_printed(chance: random.Random) -> tuple[str, tuple[int, ...]]:
    """Return a number of some network's with a valid check, and how it is grouped on a card."""
    while True:
        groups = chance.choice(PRINTED)
        first, last, lengths = chance.choice(PAYMENT_RANGES)
        prefix = str(chance.randint(int(first), int(last)))
        body = prefix + "".join(chance.choices("0123456789", k=sum(groups) - 1 - len(prefix)))
        if sum(groups) in lengths:
            return append_check(Check.LUHN, body), groups


def in_groups(number: str, groups: tuple[int, ...], separator: str) -> str:
    ends = [sum(groups[: n + 1]) for n in range(len(groups))]
    return separator.join(number[e - g : e] for g, e in zip(groups, ends, strict=True))


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_a_bank_card_is_seen_with_anything_between_its_groups(ensure_ascii: bool) -> None:
    chance = random.Random(4)
    marks = " .-/_,;:|*#~'\"\\\t\n()+=\u00a0\u00ad\u00b7\u00d7\u2007\u200b\u2010\u2013\u2212\u3000"
    for _ in range(3_000):
        number, groups = numbers_as_printed(chance)
        between = "".join(chance.choices(marks, k=chance.randint(1, 3)))
        text = chance.choice(["", "paid by ", "чек 7: "]) + in_groups(number, groups, between)
        raw = json.dumps({"reason": text, "cashier": "Ольга"}, ensure_ascii=ensure_ascii)
        assert is_refused(raw.encode()), text


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_a_bank_card_is_seen_in_the_digits_of_any_script(ensure_ascii: bool) -> None:
    for zero in FOREIGN_ZEROS:
        for text in (VISA, "4111 1111 1111 1111", "4111\u20071111\u20071111\u20071111"):
            foreign = "".join(chr(ord(zero) + int(c)) if c.isdecimal() else c for c in text)
            raw = json.dumps({"reason": f"картка {foreign}"}, ensure_ascii=ensure_ascii)
            assert is_refused(raw.encode()), foreign


def test_the_digits_of_every_script_are_looked_at() -> None:
    for code in range(0x80, 0x110000):
        if unicodedata.decimal(chr(code), None) == 1:
            four = chr(code + 3)
            assert is_refused({"reason": four + chr(code) * 15}), hex(code)


def a_date(chance: random.Random) -> str:
    day, month, year = chance.randint(1, 31), chance.randint(1, 12), chance.randint(1990, 2040)
    hour, minute, second = chance.randint(0, 23), chance.randint(0, 59), chance.randint(0, 59)
    return chance.choice(
        [
            f"{day:02}.{month:02}.{year}", f"{day}/{month}/{year}", f"{year}-{month:02}-{day:02}",
            f"{day:02}.{month:02}.{year % 100:02}", f"{day:02}.{month:02}",
            f"{hour:02}:{minute:02}",
            f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}",
            f"{year}_{month:02}_{day:02}_{hour:02}_{minute:02}",
        ]
    )  # fmt: skip


def a_telephone(chance: random.Random) -> str:
    rest = [f"{chance.randint(0, 10**digits - 1):0{digits}}" for digits in (2, 3, 2, 2)]
    mark, country = chance.choice(["", " ", "-", "."]), chance.choice(["+38 ", "+38", "38"])
    local = f"0{rest[0]}{mark}" + mark.join(rest[1:])
    return chance.choice([local, country + local, f"(0{rest[0]}) {rest[1]}-{rest[2]}-{rest[3]}"])


def an_ean(chance: random.Random) -> str:
    body = "".join(chance.choices("0123456789", k=chance.choice([7, 11, 12])))
    return append_check(Check.EAN, body)


def an_own_number(chance: random.Random) -> str:
    number = append_check(Check.LUHN, "411111" + f"{chance.randint(0, 10**9 - 1):09}")
    return in_groups(number, (4, 4, 4, 4), chance.choice(["", " ", "-", "/"]))


@pytest.mark.parametrize("drawn", [a_date, a_telephone, an_ean, an_own_number])
def test_lists_of_dates_telephones_goods_and_own_numbers_hold_no_bank_card(
    drawn: Callable[[random.Random], str],
) -> None:
    chance = random.Random(5)
    for _ in range(5_000):
        # What ends one value and begins the next is longer than what stands within one.
        listed = [drawn(chance) for _ in range(chance.randint(1, 5))]
        text = chance.choice([", ", "; ", " / ", " | ", "\n", ","]).join(listed)
        assert not is_refused({"reason": f"see {text} there"}, (OWN,)), text


@pytest.mark.parametrize("params", [{"a": int(VISA)}, {"a": float(VISA)}, [[int(AMEX)]]])
def test_a_bank_card_is_seen_as_a_number(params: Any) -> None:
    assert is_refused(params)


def test_a_bank_card_is_seen_behind_escapes_of_json() -> None:
    assert is_refused(b'{"reason":"\\u0034111111111111111"}')


@pytest.mark.parametrize(
    "text",
    [
        "20261122101500123",  # a time, to the millisecond
        "2026-11-22 10.15.00.123",
        "2026112210150012",
        "1764000000000",  # milliseconds since 1970
        "1764000000000000",
        "550e8400-e29b-41d4-a716-446655440000",
        "4f4111111111111111",  # digits within a hex id
        "p4111111111111111",
        "4111111111111111a",
        "380501234567",
        "+4915201234564",  # 13 digits that pass Luhn and begin like a Visa card
        "UA903052992990004149123456789",
        f"9{VISA}",
        f"{VISA}0000",
        "2900000000018",
        "4006381333931",  # EAN-13
        "10 20 30 40 50 60 70 80",
        "40170725 96385074",  # two EAN-8 that pass Luhn together
        "30.11.26, 30.12.26, 31.12.29",
        "sizes 36-38-40-42-44-46-48",
    ],
)
def test_times_ids_telephones_and_goods_are_no_bank_cards(text: str) -> None:
    assert not is_refused({"sale_id": text, "reason": f"see {text} there"})


def test_a_sale_id_made_of_the_time_is_never_refused() -> None:
    chance = random.Random(1)
    for _ in range(5_000):
        month, day, hour = chance.randint(1, 12), chance.randint(1, 28), chance.randint(0, 23)
        rest = "".join(str(chance.randint(0, 9)) for _ in range(chance.randint(4, 9)))
        for year in (2026, 2031, 2099):
            assert not is_refused({"sale_id": f"{year}{month:02}{day:02}{hour:02}{rest}"})


@given(st.text("0123456789", min_size=12, max_size=12))
def test_no_product_s_code_is_a_bank_card_s(body: str) -> None:
    ean = append_check(Check.EAN, body)
    assert not is_refused({"lines": [{"sku": ean, "name": f"Tea {ean}"}]})
    packed = f"3{body}"  # a GTIN-14: whatever its check digit, a sku of 14 digits is a product
    assert not any(is_refused({"lines": [{"sku": f"{packed}{check}"}]}) for check in range(10))


def test_a_telephone_of_fifteen_digits_is_none_and_a_long_sku_is_one() -> None:
    thirteen = next(
        number
        for number in map(str, range(4_915_201_234_500, 4_915_201_234_600))
        if is_payment_number(number) and not has_valid_check(Check.EAN, number)
    )
    assert is_refused({"reason": thirteen})
    assert not is_refused({"profile": {"phone": thirteen}})
    assert is_refused({"profile": {"phone": VISA}})
    assert is_refused({"lines": [{"sku": VISA}]})
    assert is_refused({"lines": [{"sku": AMEX}]})


def test_the_shop_s_own_range_wins_and_a_short_prefix_of_it_does_not() -> None:
    assert not is_refused({"card": VISA, "reason": f"was {VISA}"}, (OWN,))
    assert is_refused({"card": MASTERCARD}, (OWN,))
    short = NumberRange(name="short", prefix="41", length=16, check=Check.LUHN)
    assert is_refused({"card": VISA}, (short,))


def test_what_is_kept_nowhere_is_not_looked_at_and_only_at_the_top() -> None:
    assert not is_refused({"data": VISA}, (), "data")
    assert is_refused({"tenders": [{"data": VISA}]}, (), "data")


def test_a_parameter_that_no_method_knows_is_not_looked_at() -> None:
    method = SESSION_METHODS["events.ack"]
    assert not method.is_kept("event_id"), "it is compared and forgotten"
    method = SESSION_METHODS["hello"]
    assert method.is_kept("client")
    assert not method.is_kept("anything")


@given(st.binary(max_size=200))
def test_any_bytes_are_looked_through(raw: bytes) -> None:
    is_refused(raw + b"4111111111111111")


def test_a_phone_s_code_as_its_page_prints_it_is_none() -> None:
    seeded = random.Random(20261122)
    live = NumberRange(name="live", prefix="97", length=CODE_DIGITS, check=Check.MOD97, live=True)
    for _ in range(2_000):
        number = str(seeded.randrange(10**10)).zfill(10)
        code = compose("97", number, seeded.randbytes(32), seeded.randrange(10**8))
        grouped = " ".join(code[at : at + 4] for at in range(0, len(code), 4))
        assert not is_refused({"number": grouped}, (live,)), grouped
    assert is_refused({"number": "9711 4111 1111 1111 1111 11"}, (live,)), "no code of ours"
