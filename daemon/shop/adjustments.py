"""What a purse is given or loses by somebody's word: against ``@adjust``, with a reason."""

from typing import Annotated

import msgspec

from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.ids import AccountId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import AccountText, RequestId, SaidText, Text, check_reason
from daemon.ledger.entries import ADJUST, Entry
from daemon.ledger.given import give
from daemon.ledger.ledger import RequestKey
from daemon.ledger.moves import Balance, Moves
from daemon.ledger.storage.queries import CUSTOMER
from daemon.ledger.storage.store import Change, Store, View
from daemon.shop.shop import Shop

ADJUST_MAX = 1_000_000_000


class AdjustTerms(Approvable, frozen=True, kw_only=True):
    """How much a purse of an account is given, or below 0 what is taken, in its unit."""

    request_id: RequestId
    account: AccountText
    purse: Text
    amount: Annotated[int, msgspec.Meta(ge=-ADJUST_MAX, le=ADJUST_MAX)]
    by: SaidText
    reason: SaidText

    def __post_init__(self) -> None:
        if not self.amount:
            raise ValueError("amount: must not be 0")
        check_reason(self.reason)


class Adjusted(msgspec.Struct, frozen=True, kw_only=True):
    """The purses after it. What goes to a chip is owed (``<purse>:owed``) until the chip has it."""

    account: AccountId
    purse: str
    amount: int
    balances: dict[str, Balance]
    replayed: bool = False


class Adjustments:
    """Writes them down."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def adjust(
        self, key: RequestKey, terms: AdjustTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Give or take, once.

        Raises: ParamError for an unknown purse; RefusedError CARD_UNKNOWN for an unknown account,
                NOT_ENOUGH where a purse may never go below 0.
        """
        programme, (_, at, day) = self._shop.programme, self._shop.moment()
        today = day.toordinal()

        def job(store: Store, view: View) -> tuple[Change, Adjusted]:
            purse = programme.purses.get(terms.purse)
            if purse is None:
                known = ", ".join(programme.purses) or "none"
                raise ParamError("purse", f"say which purse: {known}")
            purses = store.purses(terms.account)
            if not purses and store.ask_one(CUSTOMER, terms.account) is None:
                raise RefusedError(ErrorCode.CARD_UNKNOWN, "There is no such account here.")
            moves = Moves({terms.account: purses})
            give(moves, terms.account, purse, terms.amount, today, ADJUST)
            detail = {"by": signed.by or terms.by, "reason": terms.reason} | signed.approved
            entry = Entry(
                at=at,
                kind="adjust",
                ref=terms.request_id,
                account=terms.account,
                postings=tuple(moves.postings),
                lots=tuple(moves.lots),
                detail=msgspec.Raw(msgspec.json.encode(detail)),
            )
            answer = Adjusted(
                account=terms.account,
                purse=terms.purse,
                amount=terms.amount,
                balances=moves.balances(terms.account, today),
            )
            return Change(entry=entry), answer

        return await self._shop.ledger.once(key, at, job)
