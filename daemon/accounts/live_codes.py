"""Verifies rotating codes: finds the card, checks the time step, accepts each code once."""

import statistics
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from card_formats.credential import Credential
from card_formats.phone.rotating import (
    PERIOD_S,
    Code,
    Early,
    Live,
    NotValid,
    Old,
    Verdict,
    parse,
    verify,
)
from daemon.accounts.cards import Account, Cards
from daemon.accounts.guess_limit import Guesses
from daemon.base.clock import Clock
from daemon.base.ids import CardId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.keys.phone_keys import PhoneKeys
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.queries import PHONE
from daemon.ledger.storage.rows import PhoneRow
from daemon.ledger.storage.store import Change, Store

PHONE_SCHEME = "phone"
CLOCK_CARDS_MAX = 20
CLOCK_CARDS_MIN = 5
"""The till's clock is judged by the newest right codes of so many cards, none by fewer."""
CLOCK_OFFSET_STEPS_MAX = 1
GENERATIONS_REMEMBERED = 3
"""A code of so many phones before the present one is told from a forgery."""


class LiveCodes:
    """Verifies rotating codes. The phones' keys derive from the shop's ``keys``."""

    def __init__(
        self,
        ledger: Ledger,
        cards: Cards,
        clock: Clock,
        keys: PhoneKeys,
        is_behind: Callable[[], bool] = lambda: False,
    ) -> None:
        """clock: the machine's own. is_behind: whether it stands behind the till's time."""
        self._is_behind = is_behind
        self._ledger = ledger
        self._cards = cards
        self._clock = clock
        self._keys = keys
        self._guesses = Guesses(clock)
        self.clocks = PhoneClocks()

    async def verify(self, credential: Credential, reader: str) -> Account:
        """Return the account of a code that is of now, and remember durably that it was taken.

        Raises: RefusedError CARD_UNKNOWN, CARD_BLOCKED, CARD_EXPIRED; CODE_NOT_NOW with ``age_s``
                or ``ahead_s``, or while the till's clock is not set; CARD_FORGED; CODE_USED;
                RATE_LIMITED for a reader with too many wrong codes.
        """
        async with self._guesses.trying(reader):
            return await self._verify(credential, reader)

    async def _verify(self, credential: Credential, reader: str) -> Account:
        code = parse(credential.value)
        account = await self._account(credential, code, reader)
        card_id = account.card.card_id
        phone = await self._ledger.read(lambda store: store.ask_one(PHONE, card_id))
        assert phone is not None, "the identifier was written with the phone's row"
        now_s = int(self._clock.now().timestamp())
        self._check_clock()
        verdict = self._verdict(code, phone, now_s, phone.key_id)
        if isinstance(verdict, NotValid):
            raise self._not_valid(code, phone, now_s, reader)
        if verdict.step > phone.last_step:
            self.clocks.note(card_id, verdict.step - now_s // PERIOD_S, self._clock.monotonic_s())
        await self._ledger.update(lambda store: _take(store, card_id, _live(verdict)))
        return account

    async def _account(self, credential: Credential, code: Code, reader: str) -> Account:
        known_by = msgspec.structs.replace(credential, scheme=PHONE_SCHEME, value=code.number)
        try:
            return await self._cards.resolve(known_by)
        except RefusedError as refusal:
            if refusal.code is ErrorCode.CARD_UNKNOWN:
                self._guesses.note(reader)
            raise

    def _check_clock(self) -> None:
        if self._is_behind():
            raise RefusedError(
                ErrorCode.CODE_NOT_NOW,
                "This till's clock is not set: it is behind its own last entry. Set it; until then"
                " codes from phones are not taken.",
                extra={"reason": "clock_not_set"},
            )

    def _verdict(
        self, code: Code, phone: PhoneRow, now_s: int, key_id: int, back: int = 0
    ) -> Verdict:
        key = self._keys.card_key(key_id, phone.number, phone.generation - back)
        return NotValid() if key is None else verify(code, key, now_s // PERIOD_S)

    def _is_of(self, code: Code, phone: PhoneRow, now_s: int, back: int) -> bool:
        """Whether a code was right for the phone so many before this one, by any key."""
        verdicts = (self._verdict(code, phone, now_s, n, back) for n in self._keys.ids)
        return not all(isinstance(verdict, NotValid) for verdict in verdicts)

    def _not_valid(self, code: Code, phone: PhoneRow, now_s: int, reader: str) -> RefusedError:
        if phone.key_id not in self._keys.ids or self._is_of(code, phone, now_s, back=0):
            return RefusedError(
                ErrorCode.CARD_FORGED,
                "This phone's key is not accepted any more. Ask to open the card page with a"
                " network; if that does not help, give the phone a link.",
                extra={"reason": "old_key"},
            )
        for back in range(1, min(GENERATIONS_REMEMBERED, phone.generation - 1) + 1):
            if self._is_of(code, phone, now_s, back):
                return RefusedError(
                    ErrorCode.CARD_FORGED,
                    "This code is from a phone that gave the card up to another.",
                    extra={"reason": "old_phone"},
                )
        self._guesses.note(reader)
        return RefusedError(
            ErrorCode.CARD_FORGED,
            "This code is not valid now: an old picture, or not made by the customer's phone. Ask"
            " to see the card page itself.",
        )


def _live(verdict: Live | Old | Early) -> int:
    match verdict:
        case Live(step=step):
            return step
        case Old(age_s=age_s):
            raise RefusedError(
                ErrorCode.CODE_NOT_NOW,
                f"A screenshot, {_minutes(age_s)} old: ask to see the card page itself.",
                extra={"age_s": age_s},
            )
        case Early(ahead_s=ahead_s):
            raise RefusedError(
                ErrorCode.CODE_NOT_NOW,
                f"The phone's clock is {_minutes(ahead_s)} fast: ask to set it to automatic.",
                extra={"ahead_s": ahead_s},
            )


def _take(store: Store, card_id: CardId, step: int) -> None:
    phone = store.ask_one(PHONE, card_id)
    assert phone is not None
    if step <= phone.last_step:
        raise RefusedError(
            ErrorCode.CODE_USED, "This code was used already; wait for the next one on the phone."
        )
    store.write(Change(rows=(msgspec.structs.replace(phone, last_step=step),)))


class PhoneClocks:
    """Estimates the till's clock error from customers' phones. It reports it and sets nothing."""

    def __init__(self) -> None:
        self._steps: OrderedDict[str, int] = OrderedDict()
        self._seen_s: dict[str, float] = {}

    def note(self, card_id: CardId, ahead_steps: int, seen_s: float = 0.0) -> None:
        """Keep how far a right code was ahead of the till; one code a card, the newest.

        seen_s: when it was seen, by the monotonic clock.
        """
        self._steps.pop(card_id, None)
        self._steps[card_id] = ahead_steps
        self._seen_s[card_id] = seen_s
        if len(self._steps) > CLOCK_CARDS_MAX:
            oldest, _ = self._steps.popitem(last=False)
            del self._seen_s[oldest]

    def agree_since(self, since_s: float) -> bool:
        """Whether enough right codes seen since then say that the machine's clock is right.

        Those of before say nothing: the clock may have jumped meanwhile.
        """
        steps = [
            ahead for card_id, ahead in self._steps.items() if self._seen_s[card_id] >= since_s
        ]
        return (
            len(steps) >= CLOCK_CARDS_MIN
            and abs(statistics.median_low(steps)) <= CLOCK_OFFSET_STEPS_MAX
        )

    @property
    def offset_steps(self) -> int | None:
        """How many half minutes the phones are ahead of the till: the median, or None yet."""
        if len(self._steps) < CLOCK_CARDS_MIN:
            return None
        return statistics.median_low(self._steps.values())

    @property
    def offset_s(self) -> int | None:
        """The same in seconds."""
        steps = self.offset_steps
        return None if steps is None else steps * PERIOD_S

    @property
    def suspect(self) -> bool:
        """Whether somebody should look at the till's clock."""
        return abs(self.offset_steps or 0) > CLOCK_OFFSET_STEPS_MAX


def _minutes(seconds: int) -> str:
    count = max(1, round(seconds / 60))
    return "1 minute" if count == 1 else f"{count} minutes"
