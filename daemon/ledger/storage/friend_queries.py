"""What is asked of the tables of customers who bring others; as ``queries``."""

from daemon.ledger.storage.friend_rows import FriendRow, InviteRow
from daemon.ledger.storage.queries import Question

_INVITE = "SELECT code, campaign, account FROM invite"
INVITE = Question(f"{_INVITE} WHERE code = ?", InviteRow)
INVITES_OF = Question(f"{_INVITE} WHERE account = ? ORDER BY code", InviteRow)
_FRIEND = "SELECT account, referrer, at FROM friend"
FRIEND = Question(f"{_FRIEND} WHERE account = ?", FriendRow)
FRIENDS_OF = Question(f"{_FRIEND} WHERE referrer = ? ORDER BY at, account", FriendRow)
NEWEST_FRIENDS = Question(
    f"{_FRIEND} WHERE referrer = ? ORDER BY at DESC, account DESC LIMIT ?", FriendRow
)
FRIENDS_COUNTED = Question("SELECT count(*) FROM friend WHERE referrer = ?", int)
BOUGHT_OR_WAITS = Question(
    "SELECT state FROM sale WHERE account = ? AND sale_id <> ?"
    " AND state IN ('posted', 'intent', 'unknown', 'void_pending') ORDER BY state LIMIT 1",
    str,
)
"""The state of a sale of an account other than one: of one that waits for its chip, if any does."""
VISITS = Question("SELECT visits FROM account_sum WHERE account = ?", int)
"""How many purchases of an account have not come back whole."""
