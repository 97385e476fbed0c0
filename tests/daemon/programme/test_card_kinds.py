"""``[[card]]`` of a programme: what is right, and how what is wrong is named."""

import pytest

from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import load
from tests.scenarios.shops import HEAD


def kind_of(table: str) -> object:
    return load(f'{HEAD}[[card]]\nkind = "plastic"\n{table}\n').cards["plastic"]


def test_a_kind_says_what_it_is_given_for() -> None:
    text = """
        issue = { min_purchase = "400.00", questionnaire = true }
        term = "365d"
        per_account = 5
    """
    kind = load(f'{HEAD}[[card]]\nkind = "plastic"\n{text}').cards["plastic"]
    assert (kind.min_purchase, kind.questionnaire, kind.is_sold) == (40_000, True, False)
    assert (kind.term_days, kind.per_account, kind.transferable) == (365, 5, False)
    sold = load(f'{HEAD}[[card]]\nkind = "gift"\nissue = {{ price = "cost" }}\n').cards["gift"]
    assert (sold.is_sold, sold.by_cost, sold.price) == (True, True, None)


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ("issue = { price = 100, min_purchase = 100 }", "card[0].issue.price"),
        ("issue = { price = 0 }", "card[0].issue.price"),
        ("issue = { price = true }", "card[0].issue.price"),
        ('issue = { price = "7" }', "card[0].issue.price"),
        ('issue = { min_purchase = "cost" }', "card[0].issue.min_purchase"),
        ("issue = { minimum = 1 }", "card[0].issue.minimum"),
        ('term = "1 year"', "card[0].term"),
        ("per_account = 0", "card[0].per_account"),
    ],
)
def test_what_cannot_be_meant_is_named(table: str, path: str) -> None:
    with pytest.raises(ProgrammeError) as wrong:
        kind_of(table)
    assert wrong.value.path == path
