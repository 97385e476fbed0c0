"""Whose occasion a day is, from the books alone, on every store."""

from datetime import date
from typing import Any

import msgspec
import pytest

from daemon.accounts.cards import Profile
from daemon.base.ids import AccountId
from daemon.base.mailing_config import TriggerSection
from daemon.ledger.posted_facts import Fact
from daemon.ledger.storage.rows import CustomerRow, MemberRow
from daemon.ledger.storage.store import Change, Store
from daemon.mailing.trigger_days import occasions_on
from daemon.programme.programme import load
from daemon.programme.status import StatusState
from tests.scenarios.shops import HEAD
from tests.stores.test_mailing_effects import LEDGER, bought

STATUS = """
[[meter]]
id = "spend"
of = "net"
[[status]]
id = "club"
of = "spend"
enter = { at_least = 50000, within = "30d" }
keep = { at_least = 30000, within = "60d" }
"""
PROGRAMME = load(HEAD + STATUS)
DAY = date(2026, 11, 28).toordinal()


def trigger(on: str, days: int) -> TriggerSection:
    text = {"en": {"text": "Hello"}}
    table = {"on": on, "days": days, "channel": "sms", "text": text}
    return msgspec.convert(table, TriggerSection)


def seen(store: Store, on: str, days: int, day: int = DAY) -> list[tuple[str, str]]:
    return sorted(occasions_on(store, PROGRAMME, trigger(on, days), day))


def written(store: Store, *facts: Fact, **more: Any) -> None:
    placed = tuple((LEDGER, seq, fact) for seq, fact in enumerate(facts, start=1))
    store.begin()
    store.write(Change(facts=placed, **more))
    store.commit()


def born(account: str, birthday: str) -> CustomerRow:
    return CustomerRow(AccountId(account), msgspec.json.encode(Profile(birthday=birthday)))


def test_a_birthday_is_seen_so_many_days_before_and_named_by_its_year(store: Store) -> None:
    days = {"a": "1990-12-01", "b": "1991-12-02", "c": "", "d": "2000-01-01", "e": "1988-02-29"}
    written(store, rows=tuple(born(*one) for one in days.items()))
    assert seen(store, "birthday", 3) == [("a", "2026")]
    assert seen(store, "birthday", 4) == [("b", "2026")]
    assert seen(store, "birthday", 34) == [("d", "2027")], "of the year in which it lies"
    assert seen(store, "birthday", 92) == [("e", "2027")], "29 February is kept on the 28th"


def test_every_customer_is_asked_for_a_birthday(store: Store) -> None:
    written(store, rows=tuple(born(f"a{n:04d}", "1990-12-01") for n in range(2_001)))
    assert len(seen(store, "birthday", 3)) == 2_001


def test_a_purchase_a_first_one_and_one_after_long_are_told_apart(store: Store) -> None:
    written(
        store,
        bought("new", DAY - 1, 100),
        bought("often", DAY - 9, 100),
        bought("often", DAY - 1, 100),
        bought("back", DAY - 91, 100),
        bought("back", DAY - 1, 100),
        bought("soon", DAY - 90, 100),
        bought("soon", DAY - 1, 100),
        bought("", DAY - 1, 100),
        bought("other", DAY - 2, 100),
        bought("gone", DAY - 1, 100),
        bought("gone", DAY - 1, -100, -1),
    )
    yesterday = "2026-11-27"
    some = ["back", "new", "often", "soon"]
    assert seen(store, "sale", 1) == [(one, yesterday) for one in some]
    assert seen(store, "first_sale", 1) == [("new", "first")]
    assert seen(store, "first_sale", 2) == [("other", "first")]
    assert seen(store, "back", 90) == [("back", yesterday)]
    assert seen(store, "back", 89) == [("back", yesterday), ("soon", yesterday)]


def test_who_does_not_come_any_more_is_seen_on_one_day(store: Store) -> None:
    written(store, bought("a", DAY - 90, 100), bought("b", DAY - 90, 100), bought("b", DAY, 100))
    assert seen(store, "dormant", 90) == [("a", "2026-08-30")]
    assert seen(store, "dormant", 90, DAY + 1) == []
    assert seen(store, "dormant", 89) == []


def test_a_window_that_ends_is_of_whoever_lacks_something(store: Store) -> None:
    opened = date.fromordinal(DAY - 45)
    states = {
        "lacks": StatusState(stage="member", since=opened, window_from=opened, total=100),
        "has": StatusState(stage="member", since=opened, window_from=opened, total=30_000),
        "no": StatusState(stage="outside", window_from=opened),
    }
    end = DAY - 45 + 59
    rows = tuple(
        MemberRow(AccountId(account), "club", msgspec.json.encode(state).decode(), end + 1, "")
        for account, state in states.items()
    )
    written(store, rows=rows)
    last = date.fromordinal(end).isoformat()
    assert seen(store, "club_due", 14) == [("lacks", f"club:{last}")]
    assert seen(store, "club_due", 13) == []


@pytest.mark.parametrize("on", ["birthday", "expiring", "club_due", "sale", "back", "dormant"])
@pytest.mark.parametrize("day", [1, 2, date.max.toordinal() - 1, date.max.toordinal()])
def test_the_first_and_the_last_day_that_there_are_have_nobody(
    store: Store, on: str, day: int
) -> None:
    assert seen(store, on, 3_650, day) == []
