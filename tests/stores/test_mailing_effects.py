"""What a mailing has brought, from facts and messages in the books, on every store."""

from datetime import date

import pytest

from daemon.base.ids import AccountId, CardId, LedgerId, SaleId
from daemon.base.refusals import RefusedError
from daemon.ledger.posted_facts import FIGURES, Buyer, Fact, Figures
from daemon.ledger.storage.mailing_rows import MailingRow, MessageRow
from daemon.ledger.storage.store import Change, Store
from daemon.mailing.effects import effect
from daemon.mailing.mailing_terms import Effect, EffectTerms
from daemon.programme.programme import load
from daemon.reports.mailing_effect import ENOUGH
from tests.scenarios.shops import HEAD

NUMBER, LEDGER, PROGRAMME = "m-2026-0001", LedgerId("a" * 16), load(HEAD)
BEGAN = "2026-11-01T08:00:00.000000Z"
FIRST = date(2026, 11, 1).toordinal()
MAILING = MailingRow(
    *(NUMBER, BEGAN, "olha", "sms", "{}", "au-2026-0001"),
    control_percent=50,
    cost=85,
    not_before="",
    state="done",
)


def message(account: str, state: str) -> MessageRow:
    return MessageRow(NUMBER, AccountId(account), "sms", "", state, BEGAN, parts=2)


def bought(account: str, day: int, net: int, visits: int = 1) -> Fact:
    amounts = dict.fromkeys(FIGURES, 0) | {"net": net, "list_total": net, "paid": net}
    return Fact(
        day=day,
        minute=600,
        kind="sale" if visits >= 0 else "return",
        sale_id=SaleId(f"s{account}{day}{net}"),
        account=AccountId(account),
        store="1",
        terminal="t1",
        cashier="anna",
        visits=visits,
        buyer=Buyer(card_id=CardId("c1"), issuer="", statuses="", flags=0),
        figures=Figures(**amounts),
        rules={},
    )


def written(store: Store, messages: list[MessageRow], facts: list[Fact]) -> None:
    placed = tuple((LEDGER, seq, fact) for seq, fact in enumerate(facts, start=1))
    store.begin()
    store.write(Change(rows=(MAILING, *messages), facts=placed))
    store.commit()


def told(store: Store, days: int = 30) -> Effect:
    return effect(store, PROGRAMME, EffectTerms(mailing=NUMBER, days=days))


def groups(control: int = ENOUGH) -> list[MessageRow]:
    states = ("accepted", "unknown", "bounced", "refused")
    ready = [message(f"r{n:03d}", states[n % 4]) for n in range(2 * ENOUGH)]
    return ready + [message(f"c{n:03d}", "control") for n in range(control)]


def test_ready_is_held_against_control_by_head(store: Store) -> None:
    facts = [bought(f"r{n:03d}", FIRST + n % 30, 50_000) for n in range(36)]
    facts += [bought(f"c{n:03d}", FIRST, 40_000) for n in range(15)]
    facts += [bought("r199", FIRST - 1, 10**9), bought("c099", FIRST + 30, 10**9)]
    facts += [bought("x", FIRST, 10**9), bought("", FIRST, 10**9)]
    written(store, groups(), facts)
    found = told(store)
    assert (found.first, found.last) == ("2026-11-01", "2026-11-30")
    assert (found.ready.count, found.ready.buyers, found.ready.net) == (200, 36, 1_800_000)
    assert (found.ready.share_bp, found.ready.net_per_head) == (1_800, 9_000)
    assert (found.control.share_bp, found.control.net_per_head) == (1_500, 6_000)
    assert (found.share_difference_bp, found.net_difference, found.verdict) == (300, 3_000, "")
    assert found.cost == 150 * 2 * 85, "what was refused has cost nothing"


def test_what_came_back_whole_is_no_purchase(store: Store) -> None:
    written(store, groups(), [bought("r000", FIRST, 900), bought("r000", FIRST, -900, -1)])
    found = told(store)
    assert (found.ready.buyers, found.ready.net) == (0, 0)


def test_days_are_counted_from_the_first(store: Store) -> None:
    written(store, groups(), [bought("r000", FIRST, 100), bought("r001", FIRST + 1, 100)])
    assert told(store, days=1).ready.buyers == 1
    assert told(store, days=2).ready.buyers == 2


@pytest.mark.parametrize("control", [0, 1, ENOUGH - 1])
def test_under_a_hundred_in_either_are_too_few_to_say(store: Store, control: int) -> None:
    written(store, groups(control), [bought("r000", FIRST, 100)])
    found = told(store)
    assert (found.share_difference_bp, found.net_difference) == (None, None)
    assert found.verdict == "too few to say"
    assert found.ready.buyers == 1


def test_a_mailing_that_has_not_begun_has_no_effect(store: Store) -> None:
    written(store, [], [])
    with pytest.raises(RefusedError, match="has not begun yet"):
        told(store)
