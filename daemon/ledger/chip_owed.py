"""What a chip is owed: it changed while the card was away, and the chip hears of it later. Pure.

The ledger mirrors a purse on the chip. What the chip does not know yet lies in a purse of its own
beside the mirror, ``<purse>:owed``: above 0 the chip is to be given it, below 0 it is to give. The
two together are what the customer has. A card with 500 on its chip gets 200 at a till that may not
load, and has them written at the next one that may:

                          chip   mirror   owed
    before                 500      500      0
    sale earns 200         500      500    200     ``owe``
    tap where it can       700      700      0     ``chip_transfers``

What is on its way to a chip, or from it, belongs to the account until it is known what became of
it, whichever of its cards is tapped meanwhile: a card that was torn while it got the 200, then the
family's second card, and both would have them. So an intent counts what it moves (`air_counters`)
until its end is known, and ``due`` leaves that out.
"""

from collections.abc import Mapping

from daemon.base.ids import AccountId
from daemon.ledger.lots import Lot, claw_back, put
from daemon.ledger.moves import Moves
from daemon.programme.programme import Programme

MIRROR_CREDIT = 2**40
"""How far a sale may take a mirror below 0: as far as it likes, for the chip itself stops at 0 and
other tills, with other ledgers, may have filled it.
"""


def chip_purse(programme: Programme) -> str:
    """Return the purse that the programme keeps on chips, or ""."""
    return next((purse.id for purse in programme.purses.values() if purse.where == "chip"), "")


def owed_purse(purse: str) -> str:
    """Return the name; no programme can take it, ids have no colon."""
    return f"{purse}:owed"


def owe(moves: Moves, account: AccountId, purse: str, amount: int) -> None:
    """Move ``amount`` from the mirror to what is owed."""
    shift(moves, account, purse, -amount)
    shift(moves, account, owed_purse(purse), amount)


def air_counters(account: AccountId) -> tuple[str, str]:
    """Return what counts the amounts on their way to an account's chips, and those from them."""
    return f"@owed:{account}:to", f"@owed:{account}:from"


def air_counter(account: AccountId, amount: int) -> str:
    """Return the counter of an amount on its way to a chip; below 0 it comes from it."""
    to, from_chip = air_counters(account)
    return to if amount > 0 else from_chip


def due(account: AccountId, owed: int, counters: Mapping[str, int]) -> int:
    """Return how much of ``owed`` a chip may be given, or below 0 give, whatever is in the air.

    counters: those of `air_counters`, as they stand.
    """
    to, from_chip = (counters.get(name, 0) for name in air_counters(account))
    return max(0, owed - to) if owed > 0 else min(0, owed + from_chip)


def shift(moves: Moves, account: AccountId, purse: str, amount: int) -> None:
    """Post ``amount`` to a purse that may go below 0."""
    state, lot = moves.state(account, purse), (Lot(amount=abs(amount)),)
    if amount > 0:
        moves.move(account, purse, posted=amount, lots=put(state, lot))
    elif amount < 0:
        moves.move(account, purse, posted=amount, lots=claw_back(state, lot), sign=-1)
