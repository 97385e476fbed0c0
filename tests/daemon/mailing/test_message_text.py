from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.mailing.message_text import (
    TEXT_CHARS_MAX,
    Known,
    MessageTextError,
    check_channel,
    read_text,
    weigh,
)
from daemon.mailing.text_terms import known_of
from daemon.programme.programme import load
from tests.daemon.programme.shops import PROGRAMMES

KNOWN = Known(purses=["bonus"], statuses=["club"], campaigns=["Spring-10"])
ALL = (
    "{name} {first_name} {shop} {card} {balance.bonus} {expiring.bonus.30d} {club.missing}"
    " {club.until} {code.spring-10} {link} {unsubscribe}"
)


def test_every_variable_is_known_and_filled() -> None:
    text = read_text(ALL, KNOWN)
    assert len(text.variables) == 11
    assert text.filled({one.name: "-" for one in text.variables}) == " ".join("-" * 11)


def test_a_variable_says_of_what_it_is() -> None:
    [one] = read_text("{expiring.bonus.30d}", KNOWN).variables
    assert (one.kind, one.of, one.days) == ("expiring", "bonus", 30)


def test_the_same_variable_twice_is_one_value() -> None:
    text = read_text("{name}, {name}!", KNOWN)
    assert [one.name for one in text.variables] == ["name"]
    assert text.filled({"name": "Olha"}) == "Olha, Olha!"


def test_doubled_braces_are_meant() -> None:
    assert read_text("{{name}} {name}", KNOWN).filled({"name": "{x}"}) == "{name} {x}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{frist_name}", "1:1: there is no {frist_name}; did you mean {first_name}?"),
        ("Dear\n you {x}", "2:6: there is no {x}; there are: name"),
        ("only { here", "1:6: a single '{'; write {{ where a brace is meant"),
        ("end }", "1:5: a single '}'"),
        ("{name", "1:1: a single '{'"),
        ("{na\nme}", "1:1: a single '{'"),
        ("{}", "1:1: there is no {}"),
        ("{balance.gold}", "1:1: there is no {balance.gold}; did you mean {balance.bonus}?"),
        ("{balance}", "1:1: there is no {balance}"),
        ("{expiring.bonus.0d}", "1:1: there is no"),
        ("{expiring.bonus.9999d}", "1:1: there is no"),
        ("{club.secret}", "1:1: there is no"),
        ("{gold.until}", "1:1: there is no"),
        ("{code.autumn}", "1:1: there is no"),
        ("{code}", "1:1: there is no"),
        ("  \n", "says nothing"),
        ("x" * (TEXT_CHARS_MAX + 1), "has more than 5,000 characters"),
    ],
)
def test_a_wrong_text_is_refused_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(MessageTextError) as refused:
        read_text(text, KNOWN)
    assert str(refused.value).startswith(problem)


def test_a_text_of_exactly_the_limit_is_read() -> None:
    assert read_text("x" * TEXT_CHARS_MAX, KNOWN).variables == ()


def test_an_e_mail_must_say_how_to_have_no_more() -> None:
    plain, with_link = read_text("Hello", KNOWN), read_text("Hello {unsubscribe}", KNOWN)
    with pytest.raises(MessageTextError, match=r"must hold \{unsubscribe\}"):
        check_channel(plain, "email")
    check_channel(with_link, "email")
    check_channel(plain, "sms")


def test_the_first_variable_without_a_value_is_named() -> None:
    text = read_text("{name} {balance.bonus}", KNOWN)
    assert text.empty({"name": "Olha", "balance.bonus": "1.00"}) is None
    empty = text.empty({"name": "Olha"})
    assert empty is not None
    assert empty.name == "balance.bonus"


def test_an_sms_is_paid_by_parts_and_an_e_mail_once() -> None:
    texts = ["a" * 300, "ж" * 140, "short"]
    sms, email = weigh(texts, "sms", 85), weigh(texts, "email", 2)
    assert (sms.messages, sms.parts, sms.cost) == (3, 6, 510)
    assert (email.messages, email.parts, email.cost) == (3, 3, 6)


def test_the_longest_is_the_one_with_the_most_parts() -> None:
    """140 Cyrillic letters are three parts, 300 Latin ones only two."""
    assert weigh(["a" * 300, "ж" * 140, "b" * 306], "sms", 1).longest == "ж" * 140


def test_a_programme_s_purses_statuses_and_codes_may_be_named() -> None:
    for file in sorted(PROGRAMMES.glob("*.toml")):
        programme = load(file.read_text("utf-8"))
        known = known_of(programme)
        assert set(known.purses) == set(programme.purses)
        for name in known.variables:
            assert [one.name for one in read_text(f"{{{name}}}", known).variables] == [name]


@given(st.text(alphabet="{}a.\n1d"))
def test_a_text_is_a_value_or_our_own_error(text: str) -> None:
    with suppress(MessageTextError):
        read = read_text(text, KNOWN)
        assert read.filled({}) == text.replace("{{", "{").replace("}}", "}")


@given(st.text(min_size=1, max_size=200).filter(str.strip))
def test_any_words_come_out_as_they_went_in(words: str) -> None:
    doubled = words.replace("{", "{{").replace("}", "}}")
    assert read_text(doubled, KNOWN).filled({}) == words
