"""The moves of one entry, collected while its purses are followed. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from daemon.ledger.entries import LIABILITY, HeldMove, LotMove, Posting
from daemon.ledger.purse import Lot, PurseState, applied


class Balance(msgspec.Struct, frozen=True):
    """One purse as the cashier sees it; ``pending`` was earned and is not usable yet."""

    available: int
    pending: int


class Moves:
    """Collects an entry's moves on one account, and follows its purses while they change."""

    def __init__(self, states: Mapping[str, PurseState], account: str) -> None:
        self._states = dict(states)
        self._account = account
        self.postings: list[Posting] = []
        self.lots: list[LotMove] = []
        self.held: list[HeldMove] = []

    def state(self, purse: str) -> PurseState:
        """Return the purse as it stands after the moves so far."""
        return self._states.get(purse, PurseState())

    def move(
        self, purse: str, *, posted: int = 0, held: int = 0, lots: Iterable[Lot] = (), sign: int = 1
    ) -> None:
        """Post, hold and move lots on one purse; ``sign`` is -1 for lots that are taken."""
        moves = tuple(
            LotMove(self._account, purse, lot.expires, lot.usable_from, sign * lot.amount)
            for lot in lots
        )
        if posted:
            self.postings += [
                Posting(self._account, purse, posted),
                Posting(LIABILITY, purse, -posted),
            ]
        if held:
            self.held.append(HeldMove(self._account, purse, held))
        self.lots += moves
        self._states[purse] = applied(self.state(purse), posted, held, moves)

    def balances(self, today: int) -> dict[str, Balance]:
        """Return every purse of the account after the moves."""
        return {
            purse: Balance(state.available(today), state.pending(today))
            for purse, state in sorted(self._states.items())
        }
