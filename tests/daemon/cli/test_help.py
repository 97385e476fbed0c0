"""What ``--help`` says of tables of the settings is not lost on the way to the screen."""

import pytest

from tests.support.commands import tillcard


@pytest.mark.parametrize(
    ("words", "tables"),
    [
        (["books"], ["[books]"]),
        (["cards", "batch"], ["[[number_range]]", "[card_numbers]"]),
        (["customers", "import"], ["[columns]"]),
        (["customers", "to-erase"], ["[retention]"]),
        (["alliance", "show"], ["[[alliance]]"]),
    ],
)
def test_a_table_of_a_file_is_named_by_the_help(words: list[str], tables: list[str]) -> None:
    said = tillcard(*words, "--help").output
    assert [table for table in tables if table not in said] == []
