"""A customer's own code, for one who has none: whose card is older than the programme's word."""

from collections.abc import Callable

import msgspec

from daemon.accounts.invitations import invitation
from daemon.base.approval import UNSIGNED, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId
from daemon.base.refusals import ParamError
from daemon.base.text_limits import RequestId, Text
from daemon.customers.customers import Customers, WhoseTerms, customer_entry
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.friend_queries import INVITES_OF
from daemon.ledger.storage.queries import CARDS_OF
from daemon.ledger.storage.store import Change, Store, View
from daemon.programme.programme import Programme


class InviteTerms(WhoseTerms, frozen=True, kw_only=True):
    """Who is to have a code by which they bring others."""

    request_id: RequestId
    by: Text = ""


class InviteDone(msgspec.Struct, frozen=True, kw_only=True):
    """The customer's code, and the campaign that rules name it by."""

    account: AccountId
    code: str
    campaign: str
    replayed: bool = False


class Inviting:
    """Gives codes. ``programme`` is in force."""

    def __init__(
        self,
        ledger: Ledger,
        customers: Customers,
        clock: Clock,
        programme: Callable[[], Programme],
    ) -> None:
        self._ledger = ledger
        self._customers = customers
        self._clock = clock
        self._programme = programme

    async def invite(
        self, key: RequestKey, terms: InviteTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Give a customer a code, once, or tell the one that there is.

        Raises: RefusedError CARD_UNKNOWN; ParamError where none of the customer's cards invites.
        """
        at = rfc3339(self._clock.now())

        def job(store: Store, view: View) -> tuple[Change, InviteDone]:
            account = self._customers.account(store, terms)
            campaign = self._campaign(store, account)
            new = invitation(store, campaign, account)
            [row, *_] = new or [
                one for one in store.ask(INVITES_OF, account) if one.campaign == campaign
            ]
            done = InviteDone(account=account, code=row.code.upper(), campaign=campaign)
            detail = {"event": "invites", "by": terms.by, "campaign": campaign, **signed.approved}
            return Change(entry=customer_entry(at, account, detail), rows=new), done

        return await self._ledger.once(key, at, job)

    def _campaign(self, store: Store, account: AccountId) -> str:
        kinds = self._programme().cards
        for card in store.ask(CARDS_OF, account):
            is_theirs = card.state in ("active", "blocked")
            if is_theirs and card.kind in kinds and kinds[card.kind].invite:
                return kinds[card.kind].invite
        raise ParamError("card", "none of this customer's cards is of a kind that invites")
