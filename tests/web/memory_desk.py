"""A card desk that keeps its cards in a dictionary: the shop's side for tests of the pages."""

import base64
import random
from datetime import date

import msgspec

from card_formats.phone.rotating import renewal_proof
from card_formats.phone.static_number import compose, compose_ean13
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.customers.questionnaire import Questionnaire, built_in
from daemon.shop.phone_card_views import (
    CardState,
    CardView,
    HistoryKind,
    HistoryLine,
    JoinForm,
    LiveCard,
    ShownBalance,
)

BALANCES = (ShownBalance("Bonuses", 124_050, "UAH"), ShownBalance("Coffees", 7))
HISTORY = (
    HistoryLine(date(2026, 11, 20), HistoryKind.SALE, 4_250, "UAH", "Bonuses", "Khreshchatyk 12"),
    HistoryLine(date(2026, 11, 18), HistoryKind.GIFT, 1, "", "Coffees"),
    HistoryLine(date(2026, 11, 3), HistoryKind.RETURN, -1_200, "UAH", "Bonuses", "Khreshchatyk 12"),
)


class MemoryDesk:
    """``refusal`` is what the next calls meet, until it is taken away; ``day`` is the shop's."""

    def __init__(self) -> None:
        self.cards: dict[str, CardView] = {}
        self.forms: dict[str, JoinForm] = {}
        self.offers: dict[str, str] = {}
        self.live: dict[str, LiveCard] = {}
        self.moved: dict[str, str] = {}
        self.asked = built_in()
        self.day = date(2026, 11, 22)
        self.refusal: ErrorCode | None = None
        self._tokens: dict[str, str] = {}
        self._random = random.Random(20261122)

    async def enrol(self, form: JoinForm) -> str:
        self._refuse()
        if form.form_id not in self._tokens:
            token = base64.urlsafe_b64encode(self._random.randbytes(16)).decode().rstrip("=")
            self._tokens[form.form_id] = token
            self.forms[token] = form
            self.cards[token] = CardView(
                number=compose("91", f"{self._random.randrange(10**12):012d}"),
                ean13=compose_ean13("04", f"{self._random.randrange(10**10):010d}"),
                name=form.name,
                balances=BALANCES,
                status="Gold",
                history=HISTORY,
            )
        return self._tokens[form.form_id]

    async def questionnaire(self) -> Questionnaire:
        return self.asked

    def today(self) -> date:
        return self.day

    async def show(self, token: str) -> CardView | None:
        self._refuse()
        return self.cards.get(token)

    async def bind_first(self, token: str) -> LiveCard | None:
        self._refuse()
        card = self.cards.get(token)
        if card is None or card.generation:
            return None
        return self._bind(token)

    async def renew(self, token: str, proof: str) -> LiveCard | None:
        self._refuse()
        live = self.live.get(token)
        return live if live and proof == renewal_proof(bytes.fromhex(live.key)) else None

    async def has_moved(self, token: str) -> bool:
        return token in self.moved

    async def has_moved_to(self, token: str, to: str) -> bool:
        return self.moved.get(token) == to

    async def is_offered(self, code: str) -> bool:
        return code in self.offers

    async def accept(self, code: str) -> LiveCard | None:
        self._refuse()
        old = self.offers.pop(code, None)
        if old is None:
            return None
        token = base64.urlsafe_b64encode(self._random.randbytes(16)).decode().rstrip("=")
        self.cards[token] = self.cards.pop(old)
        self.moved[old] = token
        return self._bind(token)

    def offer(self, token: str) -> str:
        """Make a link for a card; return its code."""
        code = base64.urlsafe_b64encode(self._random.randbytes(16)).decode().rstrip("=")
        self.offers[code] = token
        return code

    def _bind(self, token: str) -> LiveCard:
        generation = self.cards[token].generation + 1
        self.cards[token] = msgspec.structs.replace(self.cards[token], generation=generation)
        key = self._random.randbytes(20).hex()
        self.live[token] = LiveCard(token, "1234567890", generation, "97", key, 1)
        return self.live[token]

    def add(self, **changes: object) -> str:
        """Put a card in, ``changes`` made to a plain one; return its token."""
        token = base64.urlsafe_b64encode(self._random.randbytes(16)).decode().rstrip("=")
        view = CardView(number=compose("91", f"{self._random.randrange(10**12):012d}"))
        self.cards[token] = msgspec.structs.replace(view, **changes)
        return token

    def set_state(self, token: str, state: CardState) -> None:
        self.cards[token] = msgspec.structs.replace(self.cards[token], state=state)

    def _refuse(self) -> None:
        if self.refusal is not None:
            raise RefusedError(self.refusal, "the desk was told to refuse")
