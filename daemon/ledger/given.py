"""What a purse is given, or what is taken, by somebody's word and not by a sale. Pure.

A purse of 80, of which 50 expire on day 9 and 30 never do:

                 lots             posted   against the account that is named
                 9: 50, -: 30         80
    +20          9: 50, -: 50        100   -20   a lot with the purse's expiry, from today on
    -70          9: 30               30    +70   first what expires last, as a return claws back

What no lot has is owed by the customer, unless the purse may never go below 0.
"""

from daemon.base.ids import AccountId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.chip_owed import owed_purse
from daemon.ledger.entries import FOREVER
from daemon.ledger.lots import Lot, claw_back, put
from daemon.ledger.moves import Moves
from daemon.programme.state import Purse


def give(
    moves: Moves, account: AccountId, purse: Purse, amount: int, today: int, against: AccountId
) -> None:
    """Move ``amount`` into a purse, or out of it where it is below 0.

    What goes to a chip is owed to it. today: ordinal. against: a system account.
    Raises: RefusedError NOT_ENOUGH where the purse may never go below 0.
    """
    name = owed_purse(purse.id) if purse.where == "chip" else purse.id
    state = moves.state(account, name)
    if amount > 0:
        expires = today + purse.expire_days if purse.expire_days else FOREVER
        entering = put(state, (Lot(expires=expires, amount=amount),))
        moves.move(account, name, posted=amount, lots=entering, against=against)
        return
    leaving = claw_back(state, (Lot(amount=-amount),), today)
    left = sum(lot.amount for lot in leaving)
    if purse.may_go_negative == "never" and left < -amount:
        raise RefusedError(
            ErrorCode.NOT_ENOUGH,
            "The purse has not enough, and may never go below 0.",
            extra={"available": left, "asked": -amount},
        )
    moves.move(account, name, posted=amount, lots=leaving, sign=-1, against=against)
