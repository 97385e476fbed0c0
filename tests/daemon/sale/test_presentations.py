"""What was shown at the till: found again, good for one sale, and forgotten in time."""

import msgspec
import pytest

from card_formats.credential import Credential, Medium, Trust
from daemon.accounts.cards import Account, Profile
from daemon.base.ids import AccountId, CardId, PresentationId, SaleId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.storage.rows import CardRow
from daemon.sale.presentations import (
    PRESENTATION_TTL_S,
    PRESENTATIONS_MAX,
    Presentation,
    Presentations,
)
from tests.support.clock import HandClock

PLASTIC = Credential("number", "2900000000018", Medium.BARCODE, Trust.STATIC)
TYPED = Credential("number", "2900000000018", Medium.TYPED, Trust.STATIC)
LIVE = Credential("phone", "1234567890", Medium.BARCODE, Trust.ROTATING)
CHIP = Credential("uid", "04A1B2C3D4E580", Medium.CHIP, Trust.MUTUAL_AUTH)
FIRST, SECOND = SaleId("s1"), SaleId("s2")


def account(name: str) -> Account:
    card = CardRow(CardId(f"card-of-{name}"), AccountId(name), "active", "plastic", "", "", b"")
    return Account(AccountId(name), card, Profile())


OLENA = account("a1")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def shown(clock: HandClock) -> Presentations:
    return Presentations(clock)


def refusal(shown: Presentations, presentation: Presentation) -> ErrorCode | None:
    try:
        shown.get(presentation.id)
    except RefusedError as error:
        return error.code
    return None


def test_a_card_that_is_shown_again_before_its_sale_is_the_same_presentation(
    shown: Presentations,
) -> None:
    first = shown.add(OLENA, PLASTIC)
    assert shown.add(OLENA, PLASTIC) is first
    assert shown.get(first.id) is first
    assert shown.add(OLENA, TYPED) is not first, "typed it is trusted less"


@pytest.mark.parametrize("first", Trust)
@pytest.mark.parametrize("second", Trust)
def test_a_card_that_is_shown_again_is_trusted_as_it_was_shown_last(
    shown: Presentations, first: Trust, second: Trust
) -> None:
    shown.add(OLENA, msgspec.structs.replace(CHIP, trust=first))
    again = shown.add(OLENA, msgspec.structs.replace(CHIP, trust=second))
    assert again.credential.trust is second


def test_a_chip_that_holds_more_by_now_keeps_its_presentation_and_tells_the_new_balance(
    shown: Presentations,
) -> None:
    first = shown.add(OLENA, CHIP, 500)
    again = shown.add(OLENA, CHIP, 700)
    assert (again.id, again.balance) == (first.id, 700)
    assert shown.get(first.id).balance == 700


def test_what_a_sale_has_used_is_shown_anew_for_the_next(shown: Presentations) -> None:
    first = shown.add(OLENA, PLASTIC)
    assert not shown.is_used(first.id)
    shown.use(first.id, FIRST)
    assert shown.is_used(first.id)
    assert shown.unused(PLASTIC) is None
    assert shown.add(OLENA, PLASTIC).id != first.id


def test_the_very_sale_that_used_it_finds_it_again(shown: Presentations) -> None:
    first = shown.add(OLENA, PLASTIC)
    shown.use(first.id, FIRST)
    assert shown.unused(PLASTIC, FIRST) is first
    assert shown.add(OLENA, PLASTIC, sale_id=FIRST) is first
    assert shown.unused(PLASTIC, SECOND) is None


def test_one_presentation_is_good_for_one_sale(shown: Presentations) -> None:
    first = shown.add(OLENA, PLASTIC)
    shown.use(first.id, FIRST)
    shown.use(first.id, FIRST)  # the same call again
    with pytest.raises(RefusedError) as caught:
        shown.use(first.id, SECOND)
    assert caught.value.code is ErrorCode.NO_CARD
    shown.use(first.id, SECOND, told=True)  # a number that is told is no card that was shown


def test_it_is_forgotten_after_its_time_and_the_card_must_be_shown_again(
    clock: HandClock, shown: Presentations
) -> None:
    first = shown.add(OLENA, PLASTIC)
    clock.move(seconds=PRESENTATION_TTL_S - 1)
    assert refusal(shown, first) is None
    clock.move(seconds=1)
    assert refusal(shown, first) is ErrorCode.NO_CARD
    assert shown.add(OLENA, PLASTIC).id != first.id
    with pytest.raises(RefusedError, match="Show the card again"):
        shown.get(PresentationId("never"))


def test_the_oldest_of_too_many_is_forgotten(shown: Presentations) -> None:
    first, *_, last = [
        shown.add(OLENA, msgspec.structs.replace(PLASTIC, value=f"{number:013d}"))
        for number in range(PRESENTATIONS_MAX + 1)
    ]
    assert refusal(shown, first) is ErrorCode.NO_CARD
    assert refusal(shown, last) is None


def test_a_lost_phone_s_codes_are_dropped_and_its_owner_s_plastic_is_not(
    shown: Presentations,
) -> None:
    live, plastic = shown.add(OLENA, LIVE), shown.add(OLENA, PLASTIC)
    other = shown.add(account("a2"), msgspec.structs.replace(LIVE, value="9999999999"))
    shown.drop_live(OLENA.account)
    assert [refusal(shown, one) for one in (live, plastic, other)] == [
        ErrorCode.NO_CARD,
        None,
        None,
    ]


def test_what_was_typed_is_written_down_once_a_cashier(
    clock: HandClock, shown: Presentations
) -> None:
    first = shown.add(OLENA, TYPED)
    assert not shown.is_typed_by(first.id, "anna")
    shown.note_typed(first.id, "anna")
    assert shown.is_typed_by(first.id, "anna")
    assert not shown.is_typed_by(first.id, "petro")
    clock.move(seconds=PRESENTATION_TTL_S)
    assert not shown.is_typed_by(first.id, "anna")


def test_a_presentation_says_whether_it_is_typed_and_which_chip_s_purse_it_is(
    shown: Presentations,
) -> None:
    typed, plastic = shown.add(OLENA, TYPED), shown.add(OLENA, PLASTIC)
    assert (typed.is_typed, plastic.is_typed) == (True, False)
    purse = shown.add(OLENA, CHIP, 0)
    assert (purse.purse_uid, plastic.purse_uid) == ("04A1B2C3D4E580", "")
