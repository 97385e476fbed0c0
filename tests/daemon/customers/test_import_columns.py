"""What the columns of a shop's table are for, and what is read out of a cell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.currency import currency_of
from daemon.customers.import_columns import (
    CellError,
    Known,
    amount,
    columns_of,
    day,
    read_row,
    targets,
)
from daemon.customers.questionnaire import built_in, load
from daemon.programme.programme import load as load_programme
from tests.scenarios.shops import documented

UAH = currency_of("UAH")
SHOP = load_programme(documented("shop"))
KNOWN = Known(built_in(), SHOP.purses, SHOP.meters, SHOP.currency)


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1250", 125_000),
        ("1 250,50", 125_050),
        ("1\u00a0250,5", 125_050),
        ("1,250.50", 125_050),
        ("1.250,50", 125_050),
        ("1,250,300", 125_030_000),
        ("12'000", 1_200_000),
        ("0,12", 12),
        ("7.00", 700),
        ("-0", 0),
    ],
)
def test_an_amount_is_read_as_people_write_it(text: str, minor: int) -> None:
    assert amount(text, UAH) == minor


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,250", "may be a thousand or a fraction"),
        ("12.345", "may be a thousand or a fraction"),
        ("12.345,678", "has more digits behind the point than UAH"),
        ("0.125", "has more digits behind the point than UAH"),
        ("1,2,3", "is no amount"),
        ("1.250.30", "is no amount"),
        ("1,250.500,50", "is no amount"),
        ("1.5E+9", "has lost digits in the spreadsheet"),
        ("-5", "is below 0"),
        ("99999999999999", "is too much for one customer"),
        ("12 UAH", "is no amount"),
    ],
)
def test_what_may_be_another_amount_is_none(text: str, said: str) -> None:
    with pytest.raises(CellError, match=said):
        amount(text, UAH)


def test_points_are_whole() -> None:
    assert amount("1 250,00", None) == 1_250
    with pytest.raises(CellError, match="than what is counted in whole ones"):
        amount("12.5", None)


@pytest.mark.parametrize(
    "text", ["1990-05-17", "17.05.1990", "17.5.1990", "1990-05-17 00:00:00", "1990-05-17T10:30"]
)
def test_a_day_is_read_as_people_write_it(text: str) -> None:
    assert day(text) == "1990-05-17"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("5/17/1990", "is no day; write"),
        ("17.05.90", "is no day; write"),
        ("33010", "is a number and no day"),
        ("31.02.1990", "is no day that a calendar has"),
    ],
)
def test_what_may_be_another_day_is_none(text: str, said: str) -> None:
    with pytest.raises(CellError, match=said):
        day(text)


def test_headings_are_known_by_ids_by_words_and_by_the_map() -> None:
    headings = ["NAME", "e-mail", "Mobile Phone", "Barcode", "Balance.bonus", "my own", "x", ""]
    mapped = {"My own": "tags", "X": "-"}
    known = Known(built_in(), {"bonus": SHOP.purses["bonus"]}, {}, SHOP.currency)
    assert columns_of(headings, mapped, known) == (
        *("name", "email", "phone", "card", "balance.bonus", "tags", "-", ""),
    )


def test_a_question_s_own_words_head_a_column() -> None:
    text = '[[question]]\nid = "size"\nkind = "text"\nask.en = "Which size?"\n'
    asked = load(text + '[[question]]\nid = "card"\nkind = "text"\n')
    known = KNOWN._replace(asked=asked)
    assert columns_of(["Which size", "card"], {}, known) == ("size", "card")
    assert "size" in set(targets(known))


def test_a_spreadsheet_s_way_of_keeping_noughts_is_undone() -> None:
    row, problems = read_row(["phone"], ["phone"], ['="0671234567"'], KNOWN)
    assert (row.answers, problems) == ({"phone": "0671234567"}, [])


@given(st.lists(st.text(max_size=30), max_size=12), st.data())
def test_any_cells_are_a_row_or_problems(cells: list[str], data: st.DataObject) -> None:
    columns = data.draw(st.lists(st.sampled_from([*targets(KNOWN), "-", ""]), max_size=12))
    row, problems = read_row(columns, columns, cells, KNOWN)
    assert len(problems) <= len(cells)
    assert all(value >= 0 for value in (*row.balances.values(), *row.meters.values()))
