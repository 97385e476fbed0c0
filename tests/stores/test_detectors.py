"""Each detector at its threshold and one below it, over posted facts, on every store."""

from collections.abc import Iterable
from typing import Any

import pytest

from daemon.base.ids import AccountId, CardId, LedgerId, SaleId
from daemon.ledger.entries import Entry
from daemon.ledger.posted_facts import Buyer, Fact, Figures, SaleFlag
from daemon.ledger.storage.customer_rows import CustomerKeyRow, MergedRow
from daemon.ledger.storage.partner_rows import PartnerRow
from daemon.ledger.storage.rows import OperatorRow
from daemon.ledger.storage.store import Change, KeptRow, Store
from daemon.programme.programme import Programme, load
from daemon.reports.findings.asked_share import ASKED_SHARE
from daemon.reports.findings.burn_then_return import BURN_THEN_RETURN
from daemon.reports.findings.card_often import CARD_OFTEN
from daemon.reports.findings.detector import EVIDENCE_MAX, Detector, Found, Looking, Watched
from daemon.reports.findings.discount_share import DISCOUNT_SHARE
from daemon.reports.findings.favourite import FAVOURITE
from daemon.reports.findings.flags import FLAGS
from daemon.reports.findings.off_hours import OFF_HOURS
from daemon.reports.findings.overrides import OVERRIDES
from daemon.reports.findings.own_card import OWN_CARD
from daemon.reports.findings.return_share import RETURN_SHARE
from daemon.reports.findings.self_partner import SELF_PARTNER, contacts_of
from daemon.reports.findings.split import SPLIT, limits_of
from daemon.reports.findings.typed_cards import TYPED
from tests.scenarios.shops import HEAD

LEDGER = LedgerId("a" * 16)
DAY = 740_000
TEN = 600
NOTHING = Watched()
PROGRAMME = load(HEAD)
CAPPED = load(
    HEAD + '[[rule]]\nid = "off"\ngive = { percent = 5, max = 100000 }\n'
    '[[card]]\nkind = "plastic"\nissue = { min_purchase = 30000 }\n'
)


def sale(n: int = 1, **other: Any) -> Fact:
    """Return a sale of 10.00 to nobody, by anna at ten on DAY."""
    figures = {name: other.pop(name) for name in Figures.__struct_fields__ if name in other}
    figures = {"list_total": 1_000, "net": 1_000, "paid": figures.get("net", 1_000)} | figures
    buyer = {name: other.pop(name) for name in Buyer.__struct_fields__ if name in other}
    of: dict[str, Any] = {
        "kind": "sale",
        "day": DAY,
        "minute": TEN,
        "account": "",
        "cashier": "anna",
    } | other
    return Fact(
        day=of["day"],
        minute=of["minute"],
        kind=of["kind"],
        sale_id=SaleId(of.get("sale_id", f"s{n}")),
        account=AccountId(of["account"]),
        store=of.get("store", "1"),
        terminal="t1",
        cashier=of["cashier"],
        visits=1 if of["kind"] == "sale" else -1,
        buyer=Buyer(card_id=CardId("c1"), **buyer),
        figures=Figures(**figures),
        rules=of.get("rules", {}),
    )


def post(store: Store, facts: Iterable[Fact], rows: tuple[KeptRow, ...] = ()) -> None:
    """Write facts, as entries 1, 2, ... of a ledger, and rows beside them."""
    placed = tuple((LEDGER, seq, fact) for seq, fact in enumerate(facts, start=1))
    store.begin()
    store.write(Change(facts=placed))
    if rows:
        entry = Entry(at="2026-11-24T08:00:00.000000Z", kind="x", ref="x")
        store.write(Change(entry=entry, rows=rows))
    store.commit()


def look(
    store: Store, detector: Detector, programme: Programme = PROGRAMME, watched: Watched = NOTHING
) -> list[Found]:
    store.begin()
    try:
        return list(detector.find(Looking(store, programme, DAY, watched)))
    finally:
        store.rollback()


def subjects(found: list[Found]) -> list[tuple[str, int, int]]:
    return [(one.subject, one.value, one.threshold) for one in found]


def test_a_card_in_three_sales_of_a_day_is_found_and_in_two_is_not(store: Store) -> None:
    facts = [sale(account="a"), sale(account="a"), sale(account="a"), sale(account="b")]
    facts += [sale(account="b"), sale(account="b", day=DAY - 1), sale(), sale(), sale()]
    facts += [sale(account="b", kind="return")]
    post(store, facts)
    [found] = look(store, CARD_OFTEN)
    assert subjects([found]) == [("a", 3, 2)]
    assert found.evidence.places == ((LEDGER, 1), (LEDGER, 2), (LEDGER, 3))
    assert (found.evidence.more, found.evidence.store) == (0, "1")


def test_two_hundred_entries_are_named_and_the_others_counted(store: Store) -> None:
    post(store, [sale(account="a", store=str(n % 2)) for n in range(EVIDENCE_MAX + 47)])
    [found] = look(store, CARD_OFTEN)
    assert len(found.evidence.places) == EVIDENCE_MAX
    assert (found.evidence.more, found.evidence.store) == (47, "")


def test_a_merged_account_counts_as_the_one_it_went_into(store: Store) -> None:
    rows = (
        MergedRow(AccountId("old"), AccountId("mid"), LEDGER, 1, ""),
        MergedRow(AccountId("mid"), AccountId("new"), LEDGER, 1, ""),
    )
    post(store, [sale(account=one) for one in ("old", "mid", "new")], rows)
    assert subjects(look(store, CARD_OFTEN)) == [("new", 3, 2)]


def of_four(anna: int, *, part: str, **more: Any) -> list[Fact]:
    """Return 50 sales each of five cashiers, whose shares are 4, 4.2, 4.4, 5 % and anna's (bp)."""
    shares = {"ivan": 400, "olha": 420, "petro": 440, "yana": 500, "anna": anna}
    return [
        sale(cashier=cashier, list_total=10_000, net=10_000 - share, rules={part: share}, **more)
        if part
        else sale(cashier=cashier, list_total=10_000, net=10_000 - share, discount=share, **more)
        for cashier, share in shares.items()
        for _ in range(50)
    ]


def test_a_share_of_discount_of_581_bp_is_found_and_580_is_not(store: Store) -> None:
    post(store, of_four(581, part=""))
    [found] = look(store, DISCOUNT_SHARE)
    assert subjects([found]) == [("anna", 581, 580)]
    assert (len(found.evidence.places), found.evidence.more) == (50, 0)


def test_a_share_of_discount_of_580_bp_is_among_the_others(store: Store) -> None:
    post(store, of_four(580, part=""))
    assert look(store, DISCOUNT_SHARE) == []


def test_who_has_sold_49_times_is_not_compared_nor_are_three_cashiers(store: Store) -> None:
    facts = of_four(900, part="")
    post(store, facts[:-1])  # one of anna's is missing
    assert look(store, DISCOUNT_SHARE) == []


def test_three_cashiers_are_too_few_to_compare(store: Store) -> None:
    post(store, [fact for fact in of_four(900, part="") if fact.cashier not in ("ivan", "olha")])
    assert look(store, DISCOUNT_SHARE) == []


ASKING = load(HEAD + '[[rule]]\nid = "boss"\ngive = { percent = { max = 50 } }\n')


@pytest.mark.parametrize(("share", "found"), [(580, []), (581, [("anna", 581, 580)])])
def test_what_was_asked_for_is_compared_as_the_discount_is(
    store: Store, share: int, found: list[Any]
) -> None:
    post(store, of_four(share, part="boss", flags=int(SaleFlag.ASKED)))
    assert subjects(look(store, ASKED_SHARE, ASKING)) == found
    assert look(store, ASKED_SHARE) == []  # no rule asks there


@pytest.mark.parametrize(("back", "found"), [(150, []), (151, [("anna", 151, 150)])])
def test_who_takes_back_far_more_than_the_others_is_found(
    store: Store, back: int, found: list[Any]
) -> None:
    facts = [
        sale(cashier=one, net=200) for one in ("ivan", "olha", "yana", "anna") for _ in "x" * 50
    ]
    facts += [sale(kind="return", net=-back, list_total=-back)]
    post(store, facts)
    assert subjects(look(store, RETURN_SHARE)) == found


def test_four_of_five_sales_by_one_cashier_make_a_favourite(store: Store) -> None:
    theirs = [sale(account="a") for _ in range(4)] + [sale(account="a", cashier="ivan")]
    post(store, theirs + [sale(cashier="ivan") for _ in range(3)])
    [found] = look(store, FAVOURITE)
    assert (found.subject, found.other, found.value, found.threshold) == ("a", "anna", 8_000, 8_000)
    assert len(found.evidence.places) == 4


@pytest.mark.parametrize(
    "facts",
    [
        [*("anna",) * 4, *("ivan",) * 4],  # one of five is missing
        [*("anna",) * 3, "ivan", "ivan", *("ivan",) * 3],  # 60 %
        [*("anna",) * 4, "ivan", "anna", "ivan", "ivan"],  # five of eight sales of the store
    ],
    ids=["four sales", "three of five", "most of the store"],
)
def test_no_favourite_is(store: Store, facts: list[str]) -> None:
    bought = 4 if facts[4:] == ["ivan"] * 4 else 5
    post(store, [sale(account="a" if n < bought else "", cashier=c) for n, c in enumerate(facts)])
    assert look(store, FAVOURITE) == []


def test_an_operator_who_sells_to_their_own_card_is_found(store: Store) -> None:
    anna = OperatorRow("anna", "Anna", "cashier", "[]", "active", account=AccountId("hers"))
    merged = MergedRow(AccountId("hers"), AccountId("now"), LEDGER, 1, "")
    facts = [sale(account="hers", cashier="ANNA"), sale(account="now", cashier="ivan")]
    post(store, facts, (anna, merged))
    [found] = look(store, OWN_CARD)
    assert (found.subject, found.other, found.value) == ("ANNA", "now", 1)
    assert found.evidence.places == ((LEDGER, 1),)


def test_an_operator_whose_card_a_colleague_serves_is_not(store: Store) -> None:
    anna = OperatorRow("anna", "Anna", "cashier", "[]", "active", account=AccountId("hers"))
    post(store, [sale(account="hers", cashier="ivan"), sale(account="other")], (anna,))
    assert look(store, OWN_CARD) == []


@pytest.mark.parametrize(
    ("typed", "scanned", "found"),
    [
        (10, 89, [("anna", 1_010, 1_000)]),
        (10, 90, []),
        (9, 0, []),
        (10, 0, [("anna", 10_000, 1_000)]),
    ],
)
def test_ten_typed_numbers_and_more_than_a_tenth_are_found(
    store: Store, typed: int, scanned: int, found: list[Any]
) -> None:
    facts = [sale(account="a", flags=int(SaleFlag.TYPED), day=DAY - n % 7) for n in range(typed)]
    facts += [sale(account="a") for _ in range(scanned)] + [sale() for _ in range(200)]
    facts += [sale(account="a", flags=int(SaleFlag.TYPED), day=DAY - 7) for _ in range(50)]
    post(store, facts)
    assert subjects(look(store, TYPED)) == found


def test_sales_of_700_and_400_thirty_minutes_apart_are_split_of_1000(store: Store) -> None:
    facts = [sale(account="a", net=70_000), sale(account="a", net=40_000, minute=TEN + 30)]
    post(store, facts)
    [found] = look(store, SPLIT, CAPPED)
    assert subjects([found]) == [("a", 110_000, 100_000)]
    assert len(found.evidence.places) == 2


def test_sales_of_700_and_400_thirty_one_minutes_apart_are_not(store: Store) -> None:
    post(store, [sale(account="a", net=70_000), sale(account="a", net=40_000, minute=TEN + 31)])
    assert look(store, SPLIT, CAPPED) == []


@pytest.mark.parametrize(
    "other",
    [
        {"net": 29_999, "account": "b"},
        {"net": 29_999, "store": "2"},
        {"net": 29_999, "kind": "return"},
    ],
    ids=["another account", "another store", "a return"],
)
def test_what_is_no_group_is_not_split(store: Store, other: dict[str, Any]) -> None:
    post(store, [sale(account="a", net=70_000), sale(**({"account": "a"} | other))])
    assert look(store, SPLIT, CAPPED) == []


def test_one_sale_that_reaches_the_limit_hides_nothing(store: Store) -> None:
    post(store, [sale(account="a", net=100_000), sale(account="a", net=20_000)])
    assert look(store, SPLIT, CAPPED) == []  # nor was 300.00 stayed below


def test_a_bar_that_is_open_over_midnight_has_one_evening(store: Store) -> None:
    late = load(HEAD + 'day_starts = "05:00"\n' + CAPPED.text.removeprefix(HEAD))
    facts = [sale(account="a", net=70_000, minute=1_430), sale(account="a", net=40_000, minute=20)]
    post(store, facts)
    assert subjects(look(store, SPLIT, late)) == [("a", 110_000, 100_000)]


def test_the_limits_are_of_the_programme_and_of_the_till() -> None:
    assert limits_of(CAPPED, Watched()) == {100_000, 30_000}
    assert limits_of(CAPPED, Watched(typed_max=20_000)) == {100_000, 30_000, 20_000}


def burned_and_back(days: int, **back: Any) -> list[Fact]:
    of: dict[str, Any] = {"net": -1_000, "list_total": -1_000, "paid": -800, "sale_id": "s1"} | back
    bought = sale(account="a", burned=200, paid=800, day=DAY - days)
    return [bought, sale(kind="return", account="a", cashier="ivan", **of)]


@pytest.mark.parametrize(("days", "found"), [(0, 1), (3, 1), (4, 0)])
def test_money_back_within_three_days_of_a_burn_is_found(
    store: Store, days: int, found: int
) -> None:
    post(store, burned_and_back(days))
    those = look(store, BURN_THEN_RETURN)
    assert subjects(those) == [("a", days, 3)] * found
    for one in those:
        assert one.other == "ivan"
        assert one.evidence.places == ((LEDGER, 1), (LEDGER, 2))


@pytest.mark.parametrize("back", [{"paid": 0}, {"sale_id": "s9"}], ids=["no money", "another sale"])
def test_points_that_come_back_as_points_are_fine(store: Store, back: dict[str, Any]) -> None:
    post(store, burned_and_back(1, **back))
    assert look(store, BURN_THEN_RETURN) == []


@pytest.mark.parametrize(("times", "found"), [(3, []), (4, [("anna", 4, 3)])])
def test_four_overrides_on_a_day_are_found(store: Store, times: int, found: list[Any]) -> None:
    facts = [sale(flags=int(SaleFlag.OVERRIDE | SaleFlag.TYPED)) for _ in range(times)]
    facts += [sale(flags=int(SaleFlag.OVERRIDE), cashier="ivan"), sale(flags=int(SaleFlag.TYPED))]
    facts += [sale(flags=int(SaleFlag.OVERRIDE), day=DAY - 1)]
    post(store, facts)
    assert subjects(look(store, OVERRIDES)) == found


OPEN = load(HEAD + '[[store]]\nid = "1"\nopen = "08:00..21:00"\n[[store]]\nid = "2"\n')


@pytest.mark.parametrize(
    ("minute", "store_id", "found"),
    [(479, "1", 1), (480, "1", 0), (1_259, "1", 0), (1_260, "1", 1), (100, "2", 0), (100, "3", 0)],
)
def test_what_was_rung_while_the_store_was_closed_is_found(
    store: Store, minute: int, store_id: str, found: int
) -> None:
    post(store, [sale(minute=minute, store=store_id), sale()])
    those = look(store, OFF_HOURS, OPEN)
    assert subjects(those) == [("anna", 1, 0)] * found
    assert [one.evidence.store for one in those] == ["1"] * found


@pytest.mark.parametrize(
    ("others", "flagged", "found"),
    [
        (0, 10, []),
        (0, 11, [("anna", 2_200, 2_000)]),
        (4, 12, []),
        (4, 13, [("anna", 2_600, 2_400)]),
    ],
    ids=["a fifth", "more than a fifth", "three times the others'", "more than three times"],
)
def test_a_flag_far_more_often_than_others_is_found(
    store: Store, others: int, flagged: int, found: list[Any]
) -> None:
    times = {"ivan": others, "olha": others, "yana": others, "anna": flagged}
    facts = [
        sale(cashier=cashier, flags=int(SaleFlag.FLAG) if n < count else 0)
        for cashier, count in times.items()
        for n in range(50)
    ]
    post(store, facts)
    assert subjects(look(store, FLAGS)) == found


def gym(contact: str) -> PartnerRow:
    of: dict[str, Any] = {"kind": "partner", "partner": "", "name": "Gym", "pay": "partner"}
    return PartnerRow(
        code="P0001", account=AccountId("gym"), contact=contact, state="active", since="", **of
    )


def test_a_partner_who_buys_for_a_reward_of_their_own_is_found(store: Store) -> None:
    merged = MergedRow(AccountId("gym"), AccountId("me"), LEDGER, 1, "")
    facts = [sale(account="me", partner="gym"), sale(account="other", partner="gym")]
    post(store, facts, (merged, gym("")))
    [found] = look(store, SELF_PARTNER)
    assert (found.subject, found.value, found.evidence.places) == ("gym", 1, ((LEDGER, 1),))


@pytest.mark.parametrize(
    ("contact", "found"),
    [
        ("Olha, 067 123 45 67", 1),
        ("Olha <OLHA@example.ua>", 1),
        ("067 123 45 68", 0),
        ("", 0),
        ("ask at the desk 1", 0),
    ],
)
def test_a_partner_whose_contact_is_a_customers_of_theirs_is_found(
    store: Store, contact: str, found: int
) -> None:
    keys = (
        CustomerKeyRow("phone", "765432176083", AccountId("a")),
        CustomerKeyRow("email", "olha@example.ua", AccountId("a")),
    )
    facts = [sale(account="a", employee="gym"), sale(account="b", partner="gym"), sale(account="a")]
    post(store, facts, (*keys, gym(contact)))
    those = look(store, SELF_PARTNER, watched=Watched(country="UA"))
    assert subjects(those) == [("gym", 1, 0)] * found


def test_contacts_are_read_out_of_what_somebody_has_written() -> None:
    said = "Olha: olha@example.ua; +380 (67) 123-45-67, room 12"
    assert set(contacts_of(said, "")) == {("email", "olha@example.ua"), ("phone", "765432176083")}
    assert list(contacts_of("067 123 45 67", "")) == []  # of no country
