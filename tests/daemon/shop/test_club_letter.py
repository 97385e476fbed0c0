"""The letter about a decision, in both languages; every kind of it says something of its own."""

import re

import pytest

from daemon.base.ids import AccountId, LedgerId
from daemon.shop.club_history import Link, Why
from daemon.shop.club_letter import letter

LEDGER_ID = LedgerId("4b1f0c9e2d7a6358")


def why(
    event: str = "refused", before: str = "lapsing", after: str = "outside", **more: str
) -> Why:
    sums = ((1_750_00, 1_750_00), (-250_00, 1_500_00))
    return Why(
        status="club",
        account=AccountId("a1"),
        name=more.get("name", "Olena"),
        ledger_id=LEDGER_ID,
        seq=9,
        day="2026-12-01",
        event=event,
        by="maria",
        reason=more.get("reason", "too little"),
        stage_before=before,
        stage_after=after,
        window_from="2026-10-01",
        window_to="2026-11-29",
        needed=300_000,
        total=150_000,
        unit=more.get("unit", "UAH"),
        chain=tuple(
            Link(
                ledger_id=LEDGER_ID,
                seq=seq,
                hash="00",
                kind="sale",
                day="2026-10-02",
                amount=amount,
                total=total,
            )
            for seq, (amount, total) in enumerate(sums, start=4)
        ),
        left_out=0,
        damaged=False,
    )


def test_a_letter_says_what_was_decided_on_what_and_why() -> None:
    assert letter(why(), "en") == (
        "Dear Olena,\n\n"
        'your membership "club" ended on 1 December 2026.\n'
        "From 1 October 2026 to 29 November 2026 your purchases came to 1500.00 UAH;"
        " 3000.00 UAH were needed.\n\n"
        "  2 October 2026                 1750.00       1750.00\n"
        "  2 October 2026                 -250.00       1500.00\n\n"
        "Reason: too little\n"
    )


def test_a_letter_is_written_in_ukrainian_too() -> None:
    said = letter(why(), "uk")
    assert said.startswith("Вітаємо, Olena!\n\nВашу участь у «club» припинено: 1 грудня 2026 року.")
    assert "З 1 жовтня 2026 року до 29 листопада 2026 року" in said
    assert not re.search("[A-Za-z]", said.replace("Olena", "").replace("club", "")
                         .replace("UAH", "").replace("too little", ""))  # fmt: skip


@pytest.mark.parametrize("language", ["en", "uk"])
def test_every_kind_of_decision_has_its_own_sentence(language: str) -> None:
    kinds = [
        ("granted", "candidate", "member"),
        ("granted", "member", "member"),
        ("granted", "lapsing", "member"),
        ("refused", "candidate", "outside"),
        ("refused", "lapsing", "outside"),
        ("window closed", "member", "lapsing"),
        ("window closed", "member", "member"),
        ("window closed", "outside", "outside"),
        ("undone", "lapsing", "lapsing"),
    ]
    assert language in ("en", "uk")
    said = {letter(why(*kind), "uk" if language == "uk" else "en") for kind in kinds}
    assert len(said) == len(kinds)
    joined = why("joined", "outside", "member")
    assert letter(joined, "en") == letter(why(*kinds[0]), "en")
    assert letter(why("window closed", "member", "outside"), "en") == letter(why(), "en")


def test_somebody_without_a_name_is_greeted_and_visits_are_counted_as_such() -> None:
    said = letter(why(name="", reason="", unit="visits"), "en")
    assert said.startswith("Dear customer,")
    assert "150000 visits" in said
    assert "Reason" not in said
