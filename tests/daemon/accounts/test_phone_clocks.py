import pytest

from daemon.accounts.live_codes import CLOCK_CARDS_MAX, CLOCK_CARDS_MIN, PhoneClocks
from daemon.base.ids import CardId


def noted(*ahead_steps: int) -> PhoneClocks:
    clocks = PhoneClocks()
    for card, ahead in enumerate(ahead_steps):
        clocks.note(CardId(f"c{card}"), ahead)
    return clocks


def test_a_few_cards_say_nothing_of_the_till_s_clock() -> None:
    clocks = noted(*[9] * (CLOCK_CARDS_MIN - 1))
    assert clocks.offset_steps is None
    assert not clocks.suspect


@pytest.mark.parametrize(
    ("ahead_steps", "offset", "suspect"),
    [
        ((0, 0, 1, -1, 0), 0, False),
        ((1, 1, 1, 1, -40), 1, False),
        ((2, 2, 3, 2, -40), 2, True),
        ((-2, -2, -3, 0, -40), -2, True),
    ],
)
def test_the_median_of_the_phones_judges_the_till(
    ahead_steps: tuple[int, ...], offset: int, suspect: bool
) -> None:
    clocks = noted(*ahead_steps)
    assert (clocks.offset_steps, clocks.suspect) == (offset, suspect)


def test_one_card_counts_once_however_often_it_comes() -> None:
    clocks = noted(0, 0, 0, 0, 0)
    for _ in range(100):
        clocks.note(CardId("c0"), 40)
    assert clocks.offset_steps == 0


def test_only_the_newest_cards_count() -> None:
    clocks = noted(*[40] * CLOCK_CARDS_MAX, *[0] * (CLOCK_CARDS_MAX // 2 + 1))
    assert clocks.offset_steps == 0
