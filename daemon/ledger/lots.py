"""Purse arithmetic: lots, holds and debt. Pure; every change comes back as moves.

For each purse of an account: ``posted == sum(lots) + held - debt``, and debt only stands when no
lot has anything left. A hold takes from the lots at once, so it survives their expiry.

A lot is all that becomes usable and expires on the same days. 50 points that expire on day 9 and 30
that never do, of which a sale burns 60 (``take``: oldest expiry first), and is then taken back:

    lots         burned           posted
    9: 50, -: 30                      80
    -: 20        9: 50, -: 10         20     ``take``
    9: 50, -: 30                      80     ``put``: each part returns to its own lot

Debt is what a return claims and no lot has (``claw_back``), or what was burned on credit. It is not
kept anywhere: it is the difference. Whatever is earned next fills it before it fills a lot.
"""

import msgspec

from daemon.base.ids import AccountId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.entries import FOREVER, LotMove


class Lot(msgspec.Struct, frozen=True, array_like=True):
    """What is left of all accruals that become usable and expire on the same days (ordinals)."""

    expires: int = FOREVER
    usable_from: int = 0
    amount: int = 0

    def usable(self, today: int) -> bool:
        """Whether this lot may be burned today; an expiry ends with its day."""
        return self.usable_from <= today <= self.expires


class PurseLots(msgspec.Struct, frozen=True):
    """One purse of one account, as read. ``lots`` come oldest expiry first."""

    posted: int = 0
    held: int = 0
    lots: tuple[Lot, ...] = ()

    @property
    def debt(self) -> int:
        """How far the purse was overdrawn, by a return or within a credit limit."""
        return sum(lot.amount for lot in self.lots) + self.held - self.posted

    def available(self, today: int, credit: int = 0) -> int:
        """Return what may be burned today: usable lots, and the credit that is left."""
        usable = sum(lot.amount for lot in self.lots if lot.usable(today))
        return usable + credit - self.debt

    def pending(self, today: int) -> int:
        """Return what was earned and is not usable yet."""
        return sum(lot.amount for lot in self.lots if lot.usable_from > today)


def take(state: PurseLots, amount: int, today: int, credit: int = 0) -> tuple[Lot, ...]:
    """Return the lots that pay ``amount``, oldest expiry first.

    A part paid on credit is in no lot, so the lots may sum to less.
    Raises: RefusedError NOT_ENOUGH.
    """
    assert amount >= 0
    available = state.available(today, credit)
    if amount > available:
        raise RefusedError(
            ErrorCode.NOT_ENOUGH,
            "The purse has not enough any more.",
            extra={"available": max(available, 0), "asked": amount},
        )
    return _drain([lot for lot in state.lots if lot.usable(today)], amount)


def whole(lots: tuple[Lot, ...], amount: int) -> tuple[Lot, ...]:
    """Return ``lots`` with the part of ``amount`` that was taken on credit as a last lot."""
    credit = amount - sum(lot.amount for lot in lots)
    assert credit >= 0
    return (*lots, Lot(amount=credit)) if credit else lots


def split(lots: tuple[Lot, ...], amount: int) -> tuple[tuple[Lot, ...], tuple[Lot, ...]]:
    """Part ``amount`` from ``lots``, the last to expire first; return (kept, parted)."""
    # One by one, not by their days: what was taken on credit stands beside a lot of the same days.
    kept: list[Lot] = []
    parted: list[Lot] = []
    for lot in reversed(lots):
        part = min(amount, lot.amount)
        amount -= part
        parted.append(msgspec.structs.replace(lot, amount=part))
        kept.append(msgspec.structs.replace(lot, amount=lot.amount - part))
    return _filled(kept[::-1]), _filled(parted)


def _filled(lots: list[Lot]) -> tuple[Lot, ...]:
    return tuple(lot for lot in lots if lot.amount)


def put(state: PurseLots, lots: tuple[Lot, ...]) -> tuple[Lot, ...]:
    """Return what really enters the lots when ``lots`` are accrued: debt is filled first."""
    debt = state.debt
    entering: list[Lot] = []
    for lot in lots:
        filled = min(debt, lot.amount)
        debt -= filled
        if lot.amount > filled:
            entering.append(msgspec.structs.replace(lot, amount=lot.amount - filled))
    return tuple(entering)


LAPSED = "@lapsed:"
"""How the names of counters of what has lapsed begin."""


def lapsed_counter(account: AccountId, purse: str, lot: Lot) -> str:
    """Return the counter of what has lapsed of a lot and was written off."""
    return f"{LAPSED}{account}:{purse}:{lot.expires}:{lot.usable_from}"


def lapsed_lot(counter: str) -> tuple[str, int]:
    """Return the purse of such a counter, and the last day (ordinal) of its lot."""
    _, purse, expires, _ = counter.rsplit(":", 3)
    return purse, int(expires)


def claw_back(state: PurseLots, lots: tuple[Lot, ...], today: int = 0) -> tuple[Lot, ...]:
    """Return the lots that give up accruals taken back by a return.

    The lot that was accrued gives first (so what is still pending goes before what is usable),
    then the one that expires last; what no lot has left becomes debt. A lot of another day that
    has lapsed gives nothing: whether it has been written off already must make no difference.
    """
    left = {(lot.expires, lot.usable_from): lot.amount for lot in state.lots}
    given: dict[tuple[int, int], int] = {}
    for lot in lots:
        own = (lot.expires, lot.usable_from)
        missing = lot.amount
        others = (key for key in left if key != own and key[0] >= today)
        for key in [own, *sorted(others, reverse=True)]:
            part = min(missing, left.get(key, 0))
            if part:
                left[key] -= part
                given[key] = given.get(key, 0) + part
                missing -= part
    return tuple(Lot(expires, usable_from, n) for (expires, usable_from), n in given.items())


def applied(state: PurseLots, posted: int, held: int, moves: tuple[LotMove, ...]) -> PurseLots:
    """Return the state after changes of ``posted`` and ``held`` and the lot moves given."""
    lots = {(lot.expires, lot.usable_from): lot.amount for lot in state.lots}
    for move in moves:
        key = (move.expires, move.usable_from)
        lots[key] = lots.get(key, 0) + move.amount
    kept = tuple(Lot(*key, amount) for key, amount in sorted(lots.items()) if amount)
    assert all(lot.amount > 0 for lot in kept)
    after = PurseLots(posted=state.posted + posted, held=state.held + held, lots=kept)
    assert after.held >= 0
    assert after.debt >= 0
    return after


def _drain(lots: list[Lot], amount: int) -> tuple[Lot, ...]:
    drained: list[Lot] = []
    for lot in lots:
        part = min(amount, lot.amount)
        if part:
            drained.append(Lot(lot.expires, lot.usable_from, part))
            amount -= part
    return tuple(drained)
