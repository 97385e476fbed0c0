"""Names of facts, counters and shares: made in one module, and read back as they were made."""

import ast
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import daemon.programme.names
from daemon.base.ids import AccountId
from daemon.programme.names import (
    OwnedPurse,
    code_counter,
    counts_a_code,
    gift_fact,
    gift_purse,
    purse_fact,
    rule_code_counter,
)

ROOT = Path(__file__).parents[3]
NAMES = Path(daemon.programme.names.__file__)
PRODUCT = [p for d in ("daemon", "web") for p in sorted((ROOT / d).rglob("*.py")) if p != NAMES]
PARTS = {"gift.", "purse.", "meter.", "status.", "used.", "uses.", "code.", "ask.", "card."}
PARTS |= {"@", "@code:", ":code:", "card.account"}
ELSEWHERE = {
    "daemon/sale/facts.py": {"ask."},  # what a till may tell is named by how it begins
    "daemon/pos/card_methods.py": {"card."},  # names of methods
    "daemon/app/systemd.py": {"@"},  # the abstract namespace of sockets
    "daemon/ledger/storage/card_queries.py": {"card."},  # columns of a table
    "daemon/cli/report_files.py": {"@"},  # what a spreadsheet would take for a formula
    "daemon/customers/import_columns.py": {"meter."},  # how a column's heading begins
    "daemon/partners/statement_book.py": {"@"},  # no account, and no account's name either
    "daemon/customers/searching.py": {"@"},  # of an e-mail address
    "daemon/base/mailing_config.py": {"@"},  # the same
    "daemon/mailing/smtp.py": {"@"},  # the same
}
IDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=8)


def parts_of(tree: ast.AST) -> set[str]:
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_no_other_module_writes_the_name_of_a_fact_or_a_counter() -> None:
    written = {
        path.relative_to(ROOT).as_posix(): parts_of(ast.parse(path.read_text("utf-8"))) & PARTS
        for path in PRODUCT
        if not path.name.startswith("keyboard")
    }
    assert {where: parts for where, parts in written.items() if parts} == ELSEWHERE


@given(IDS, IDS | st.just(""))
def test_an_owned_purse_is_read_back_from_its_key(purse: str, account: str) -> None:
    owned = OwnedPurse(purse, AccountId(account))
    assert OwnedPurse.of(owned.key) == owned


@given(IDS)
def test_a_gift_fact_names_its_purse_and_no_other_fact_does(purse: str) -> None:
    assert gift_purse(gift_fact(purse)) == purse
    assert gift_purse(purse_fact(purse)) == ""


def test_a_code_is_counted_by_a_rule_and_in_all_in_one_case() -> None:
    assert code_counter("K7") == code_counter("k7") == "@code:k7"
    assert rule_code_counter("coupon", "K7") == "coupon:code:k7:life"
    assert counts_a_code(code_counter("K7"))
    assert counts_a_code(rule_code_counter("coupon", "K7"))
    assert not counts_a_code("coupon:card:a1:life")
