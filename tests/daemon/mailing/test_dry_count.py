import hashlib
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from daemon.base.ids import AccountId
from daemon.mailing.dry_count import (
    DUPLICATE,
    READY,
    REASONS,
    UNREACHED,
    Looked,
    contact_key,
    counted,
    in_control,
    settled,
)

BY_ITSELF = [reason for reason in REASONS if reason != DUPLICATE]


def looked(account: str, reason: str = READY, contact: str = "a@x.ua", last_day: int = 0) -> Looked:
    return Looked(AccountId(account), reason, contact_key(contact), last_day)


def reasons(*some: Looked) -> dict[str, str]:
    return {one.account: reason for one, reason in settled(some)}


def test_of_two_with_one_contact_the_later_visit_stays() -> None:
    assert reasons(looked("a", last_day=10), looked("b", last_day=11)) == {
        "a": DUPLICATE,
        "b": READY,
    }


def test_of_two_who_came_on_one_day_the_smaller_account_stays() -> None:
    assert reasons(looked("b", last_day=10), looked("a", last_day=10)) == {
        "a": READY,
        "b": DUPLICATE,
    }


def test_whoever_cannot_be_written_to_takes_nobody_s_place() -> None:
    for reason in UNREACHED:
        assert reasons(looked("a", reason, last_day=9), looked("b")) == {"a": reason, "b": READY}


def test_a_duplicate_is_one_before_it_is_capped_or_empty() -> None:
    """The one that stays may itself be capped: then nobody with that contact gets it."""
    found = reasons(looked("a", "capped", last_day=9), looked("b"), looked("c", "empty_value"))
    assert found == {"a": "capped", "b": DUPLICATE, "c": DUPLICATE}


def test_others_contacts_make_no_duplicates() -> None:
    assert set(reasons(looked("a"), looked("b", contact="b@x.ua")).values()) == {READY}


def test_the_counts_of_nobody_are_nought() -> None:
    empty = counted(settled([]))
    assert empty.audience == 0
    assert list(empty.counts) == list(REASONS)


def test_the_longest_is_of_those_who_get_it() -> None:
    some = [
        Looked(AccountId("a"), "control", b"1", parts=0, units=0),
        Looked(AccountId("b"), READY, b"2", parts=1, units=160),
        Looked(AccountId("c"), READY, b"3", parts=2, units=71),
        Looked(AccountId("d"), READY, b"3", parts=9, units=900, last_day=-1),
    ]
    count = counted(settled(some))
    assert (count.longest, count.parts) == ("c", 3)


def test_the_control_group_is_the_hash_of_mailing_and_account() -> None:
    digest = hashlib.sha256(b"m-2026-0007:a1").digest()
    share = int.from_bytes(digest[:4], "big") % 100
    assert not in_control("m-2026-0007", AccountId("a1"), share)
    assert in_control("m-2026-0007", AccountId("a1"), share + 1)


def test_the_control_group_is_about_as_large_as_it_is_asked_for() -> None:
    some = sum(in_control("m-2026-0001", AccountId(f"a{n}"), 20) for n in range(10_000))
    assert 1_900 < some < 2_100
    assert not any(in_control("m-2026-0001", AccountId(f"a{n}"), 0) for n in range(1_000))


ACCOUNTS = st.lists(
    st.tuples(
        st.integers(0, 40), st.sampled_from(BY_ITSELF), st.sampled_from("abcd"), st.integers(0, 3)
    ),
    unique_by=lambda one: one[0],
    max_size=40,
)


@given(ACCOUNTS, st.randoms())
def test_every_account_has_one_reason_whatever_their_order(
    drawn: list[tuple[int, str, str, int]], chance: object
) -> None:
    some = [looked(f"a{n:02d}", reason, contact, day) for n, reason, contact, day in drawn]
    count = counted(settled(some))
    assert count.audience == len(some)
    found = reasons(*some)
    assert Counter(found.values()) == {k: n for k, n in count.counts.items() if n}
    assert reasons(*reversed(some)) == found
    ready = [one for one in some if found[one.account] == READY]
    assert len({one.contact for one in ready}) == len(ready)
