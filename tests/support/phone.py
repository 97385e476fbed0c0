"""A customer's phone, without its screen: it was given a key and makes codes."""

from card_formats.credential import Credential, Medium, Trust
from card_formats.phone.rotating import PERIOD_S, compose, compose_google
from daemon.accounts.cards import Account
from daemon.accounts.phones import PhoneKey
from daemon.app.running import App
from daemon.base.clock import Clock


class Phone:
    """Shows codes by ``clock``, ``ahead_s`` seconds fast."""

    def __init__(self, key: PhoneKey, clock: Clock, ahead_s: int = 0) -> None:
        self.key = key
        self._clock = clock
        self._ahead_s = ahead_s

    @property
    def now_s(self) -> int:
        return int(self._clock.now().timestamp()) + self._ahead_s

    def code(self) -> str:
        return compose("97", self.key.number, self.key.key, self.now_s // PERIOD_S)

    def google_code(self) -> str:
        return compose_google("96", self.key.number, self.key.key, self.now_s)

    def picture_by(self, ahead_s: int) -> "Phone":
        """The same phone with another clock."""
        return Phone(self.key, self._clock, ahead_s)


async def account_of(till: App, number: str) -> Account:
    return await till.cards.resolve(Credential("number", number, Medium.TYPED, Trust.STATIC))


async def bind(till: App, number: str, clock: Clock) -> Phone:
    """Give the card ``number`` to a new phone, as a link from the till does."""
    binding = await till.phones.accept(await till.phones.offer(await account_of(till, number)))
    assert binding is not None
    return Phone(binding.phone, clock)
