"""A customer's own code, by which others are brought: one of a campaign, drawn with the card."""

from card_formats.code_text import normal_code
from daemon.accounts.drawn_codes import draw_code
from daemon.base.ids import AccountId
from daemon.ledger.storage.friend_queries import INVITES_OF
from daemon.ledger.storage.friend_rows import InviteRow
from daemon.ledger.storage.store import Store


def invitation(store: Store, campaign: str, account: AccountId) -> tuple[InviteRow, ...]:
    """Return the code that an account gets with a card whose kind invites; none where it has one.

    campaign: of the kind, or "" for a kind that invites nobody.
    """
    if not campaign or any(row.campaign == campaign for row in store.ask(INVITES_OF, account)):
        return ()
    return (InviteRow(normal_code(draw_code()), campaign, account),)
