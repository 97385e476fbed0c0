"""The moves of one entry, collected while its purses are followed. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from daemon.base.ids import AccountId
from daemon.ledger.entries import BREAKAGE, LIABILITY, HeldMove, LotMove, Posting
from daemon.ledger.lots import Lot, PurseLots, applied


class Balance(msgspec.Struct, frozen=True):
    """One purse as the cashier sees it; ``pending`` was earned and is not usable yet."""

    available: int
    pending: int


class Moves:
    """Collects an entry's moves, and follows the purses of its accounts while they change."""

    def __init__(self, states: Mapping[str, Mapping[str, PurseLots]]) -> None:
        self._states = {account: dict(purses) for account, purses in states.items()}
        self.postings: list[Posting] = []
        self.lots: list[LotMove] = []
        self.held: list[HeldMove] = []

    def state(self, account: AccountId, purse: str) -> PurseLots:
        """Return a purse as it stands after the moves so far."""
        return self._states.get(account, {}).get(purse, PurseLots())

    def move(
        self,
        account: AccountId,
        purse: str,
        *,
        posted: int = 0,
        held: int = 0,
        lots: Iterable[Lot] = (),
        sign: int = 1,
        against: AccountId = LIABILITY,
    ) -> None:
        """Post, hold and move lots on one purse; ``sign`` is -1 for lots that are taken."""
        moves = tuple(
            LotMove(account, purse, lot.expires, lot.usable_from, sign * lot.amount) for lot in lots
        )
        if posted:
            self.postings += [Posting(account, purse, posted), Posting(against, purse, -posted)]
        if held:
            self.held.append(HeldMove(account, purse, held))
        self.lots += moves
        after = applied(self.state(account, purse), posted, held, moves)
        self._states.setdefault(account, {})[purse] = after

    def unlapse(self, purse: str, amount: int) -> None:
        """Give back to what the shop owes what was written off: its sale is being taken back."""
        self.postings += [Posting(BREAKAGE, purse, -amount), Posting(LIABILITY, purse, amount)]

    def balances(self, account: AccountId, today: int) -> dict[str, Balance]:
        """Return every purse of an account after the moves."""
        return {
            purse: Balance(state.available(today), state.pending(today))
            for purse, state in sorted(self._states.get(account, {}).items())
        }
