"""Drawing cards nobody can guess, and issuing them by the hundred thousand."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable

from card_formats.phone.static_number import BODY_DIGITS, EAN_DIGITS, compose, compose_ean13
from daemon.accounts.cards import TOKEN_BYTES, Cards, NewCard, Profile, is_taken
from daemon.base.config import CardNumbersSection
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.storage.store import Store

DRAWS_MAX = 20
"""Draws for numbers nobody has. Past it the number space is as good as full: no card."""
TOGETHER_MAX = 128
"""Cards of a batch that share one sync of the ledger."""


def draw(
    numbers: CardNumbersSection, *, kind: str = "phone", token: str = "", until: str = ""
) -> NewCard:
    """Draw a card's numbers at random, and a page token if asked.

    It has a 16-digit number, and an EAN-13 beside it where the shop has a prefix for those.

    A batch of 100,000 fills one 10**7th of the 16-digit numbers, and one 10**5th of the EAN-13s.
    """
    number = draw_number(numbers.prefix)
    prefix = numbers.ean13_prefix
    ean13 = compose_ean13(prefix, _digits(EAN_DIGITS - 1 - len(prefix))) if prefix else ""
    printed = (number, ean13) if ean13 else (number,)
    return NewCard(
        kind=kind,
        number=number,
        ean13=ean13,
        identifiers=tuple(("number", each) for each in printed),
        token=token or secrets.token_urlsafe(TOKEN_BYTES),
        until=until,
    )


def draw_number(prefix: str) -> str:
    """Draw a 16-digit number that begins with ``prefix``; whether it is free is not known."""
    return compose(prefix, _digits(BODY_DIGITS))


def draw_free(store: Store, scheme: str, draw_one: Callable[[], str]) -> str:
    """Return the first number drawn that no card has as its ``scheme``.

    Raises: RefusedError LIMIT_REACHED after DRAWS_MAX draws.
    """
    for _ in range(DRAWS_MAX):
        number = draw_one()
        if not is_taken(store, scheme, number):
            return number
    raise out_of_numbers()


def out_of_numbers() -> RefusedError:
    """Return the refusal of a card that no free number was drawn for in DRAWS_MAX draws."""
    return RefusedError(
        ErrorCode.LIMIT_REACHED, "The shop has run out of card numbers; add another prefix."
    )


async def issue_batch(
    cards: Cards, new: Callable[[], NewCard], count: int
) -> AsyncIterator[list[NewCard]]:
    """Issue ``count`` cards without owners; yield them as they are durable, some at a time.

    Raises: RefusedError LIMIT_REACHED, BUSY, STORAGE_FULL; what was yielded before is issued.
    """
    for done in range(0, count, TOGETHER_MAX):
        some = min(TOGETHER_MAX, count - done)
        issued = (_issue(cards, new) for _ in range(some))
        yield await asyncio.gather(*issued)


async def _issue(cards: Cards, new: Callable[[], NewCard]) -> NewCard:
    for _ in range(DRAWS_MAX):
        card = new()
        if await cards.issue(card, Profile()):
            return card
    raise out_of_numbers()


def _digits(count: int) -> str:
    return str(secrets.randbelow(10**count)).zfill(count)
