import hashlib
import struct

import pytest

from daemon.base.ids import AccountId, LedgerId
from daemon.ledger.entries import GENESIS_HASH, Entry, Posting, chain, decode, link

AT = "2026-11-23T08:00:00.000000Z"


def test_an_entry_whose_debits_and_credits_differ_cannot_be_made() -> None:
    with pytest.raises(AssertionError):
        Entry(at=AT, kind="sale", ref="s", postings=(Posting(AccountId("a"), "bonus", 1),))


def test_an_entry_comes_back_as_it_was_written() -> None:
    entry = Entry(
        at=AT,
        kind="sale",
        ref="s",
        account=AccountId("a"),
        postings=(
            Posting(AccountId("a"), "bonus", 1),
            Posting(AccountId("@liability"), "bonus", -1),
        ),
    )
    chained = chain(LedgerId("l"), (0, GENESIS_HASH), entry)
    assert decode(chained.body) == entry
    assert chained.seq == 1


def test_the_link_is_sha_256_over_previous_hash_seq_length_and_body() -> None:
    body = b'{"x":1}'
    previous = bytes(range(32))
    expected = hashlib.sha256(previous + struct.pack(">QI", 9, len(body)) + body).digest()
    assert link(previous, 9, body) == expected
