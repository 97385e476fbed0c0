"""How hard numbers are to guess, counted."""

import random

from card_formats.phone.static_number import compose, compose_ean13
from daemon.accounts.card_numbers import draw
from daemon.base.config import CardNumbersSection

CARDS = 100_000
GUESSES = 200_000


def test_of_a_hundred_thousand_cards_hardly_one_is_guessed() -> None:
    numbers = CardNumbersSection(ean13_prefix="04")
    cards = [draw(numbers) for _ in range(CARDS)]
    issued, eans = {card.number for card in cards}, {card.ean13 for card in cards}
    assert len({card.token for card in cards}) == CARDS
    assert len(issued) >= CARDS - 3, "0.005 pairs alike expected; issuing draws again"
    rng = random.Random(20261123)
    hits = ean_hits = 0
    for _ in range(GUESSES):
        # The guesser knows the prefix, and makes right check digits.
        hits += compose(numbers.prefix, f"{rng.randrange(10**12):012d}") in issued
        ean = compose_ean13(numbers.ean13_prefix, f"{rng.randrange(10**10):010d}")
        ean_hits += ean in eans
    assert hits <= 3, "0.02 expected: one in ten million"
    assert ean_hits <= 20, "2 expected: one in a hundred thousand"


def test_a_card_has_an_ean13_only_where_the_shop_says_how_it_begins() -> None:
    card = draw(CardNumbersSection())
    assert (card.ean13, card.identifiers) == ("", (("number", card.number),))
    card = draw(CardNumbersSection(ean13_prefix="04"))
    assert card.ean13.startswith("04")
    assert card.identifiers == (("number", card.number), ("number", card.ean13))
