"""What is asked about mailings; see ``queries``."""

from daemon.base.ids import AccountId
from daemon.ledger.storage.mailing_rows import (
    AudiencePartRow,
    AudienceRow,
    MailingRow,
    MessageRow,
    OccasionRow,
)
from daemon.ledger.storage.queries import Question

_AUDIENCE = "SELECT audience, made_at, by, title, kind, question, count, upload FROM audience"
AUDIENCE = Question(f"{_AUDIENCE} WHERE audience = ?", AudienceRow)
AUDIENCES_BEFORE = Question(
    f"{_AUDIENCE} WHERE audience < ? ORDER BY audience DESC LIMIT ?", AudienceRow
)
"""A page of them, the newest first."""
_PART = "SELECT upload, part, accounts FROM audience_part"
PART = Question(f"{_PART} WHERE upload = ? AND part = ?", AudiencePartRow)
LOOSE_PARTS = Question(
    f"{_PART} WHERE upload > ? AND upload < ? AND NOT EXISTS"
    " (SELECT 1 FROM audience WHERE audience.upload = audience_part.upload)"
    " ORDER BY upload, part LIMIT 10",
    AudiencePartRow,
)
"""Parts of lists that were never saved, between two names of uploads."""
_MAILING = (
    "SELECT mailing, made_at, by, channel, texts, audience, control_percent, cost, not_before,"
    " state, counts, parts, longest, approved, ledger_id, ends_at FROM mailing"
)
MAILING = Question(f"{_MAILING} WHERE mailing = ?", MailingRow)
MAILINGS_BEFORE = Question(
    f"{_MAILING} WHERE mailing < ? ORDER BY mailing DESC LIMIT ?", MailingRow
)
"""A page of them, the newest first."""
MAILINGS_MADE = Question(
    f"{_MAILING} WHERE mailing BETWEEN ? AND ? AND made_at >= ? AND made_at < ? ORDER BY mailing",
    MailingRow,
)
"""Those between two numbers that were made between two moments (RFC 3339)."""
ANY_MERGED = Question("SELECT 1 FROM merged LIMIT 1", int)
PROFILES = "SELECT account, profile FROM customer WHERE account IN ({places})"
DROPPED = "SELECT dropped FROM merged WHERE dropped IN ({places})"
ERASED = "SELECT counter FROM counter WHERE counter IN ({places}) AND amount <> 0"
ALLOWED = (
    "SELECT DISTINCT account FROM consent WHERE account IN ({places}) AND purpose = ?"
    " AND given = 1 AND channel IN ({more})"
)
VISITS = "SELECT account, last_day FROM account_sum WHERE account IN ({places})"
BOUNCED = (
    "SELECT DISTINCT account, contact FROM message WHERE account IN ({places})"
    " AND state = 'bounced' AND channel = ?"
)
SENT_SINCE = (
    "SELECT account, count(*) FROM message WHERE account IN ({places}) AND at > ?"
    " AND state NOT IN ('queued', 'refused', 'control') AND mailing <> ? GROUP BY account"
)
CARDS = (
    "SELECT account, max(number) FROM card WHERE account IN ({places})"
    " AND state = 'active' GROUP BY account"
)
AVAILABLE = (
    "SELECT b.account, CAST(b.posted - b.held - coalesce((SELECT sum(l.amount) FROM lot AS l"
    " WHERE l.account = b.account AND l.purse = b.purse"
    " AND (l.usable_from > ? OR l.expires < ?)), 0) AS BIGINT) FROM balance AS b"
    " WHERE b.purse = ? AND b.account IN ({places})"
)
"""What may be burned of a purse today (twice, ordinal): as ``PurseLots.available`` without credit.
"""
EXPIRING = (
    "SELECT account, CAST(sum(amount) AS BIGINT) FROM lot WHERE purse = ? AND expires >= ?"
    " AND expires <= ? AND amount > 0 AND account IN ({places}) GROUP BY account"
)
STANDS = "SELECT account, state FROM member WHERE status = ? AND account IN ({places})"
INVITES = "SELECT account, campaign, code FROM invite WHERE account IN ({places}) ORDER BY code"
CODES = (
    "SELECT account, campaign, code FROM code WHERE account IN ({places}) AND state = 'good'"
    " AND first_day <= ? AND last_day >= ? AND uses > coalesce("
    "(SELECT amount FROM counter WHERE counter.counter = '@code:' || code.code), 0) ORDER BY code"
)
_MESSAGE = (
    "SELECT mailing, account, channel, contact, state, at, tries, again_at, provider_id, error,"
    " parts FROM message"
)
MESSAGES_OF_ACCOUNT = Question(
    f"{_MESSAGE} WHERE account = ? AND contact <> '' ORDER BY at, mailing",
    MessageRow,
)
"""Those that hold a contact still."""
NEWEST_MESSAGES = Question(
    f"{_MESSAGE} WHERE account = ? AND state <> 'control' ORDER BY at DESC, mailing DESC LIMIT ?",
    MessageRow,
)
"""What a customer was sent, or is to be sent."""
MAILINGS_IN_HAND = Question(
    f"{_MAILING} WHERE ledger_id = ? AND state IN ('approved', 'sending') ORDER BY mailing",
    MailingRow,
)
"""Those that a till sends or is to send."""
NEXT_MESSAGE = Question(
    f"{_MESSAGE} WHERE mailing = ? AND state = 'queued' AND again_at <= ?"
    " ORDER BY again_at, account LIMIT 1",
    MessageRow,
)
"""The next that may go out by a time (RFC 3339)."""
QUEUED_TOGETHER = 200
QUEUED = Question(
    f"{_MESSAGE} WHERE mailing = ? AND state = 'queued' ORDER BY again_at, account"
    f" LIMIT {QUEUED_TOGETHER}",
    MessageRow,
)
IN_HAND = Question(
    f"{_MESSAGE} WHERE mailing = ? AND state = 'trying' ORDER BY account LIMIT {QUEUED_TOGETHER}",
    MessageRow,
)
"""Those of which a cut has left open what became of them."""
EXPORTED_AFTER = Question(
    f"{_MESSAGE} WHERE mailing = ? AND account > ? AND state = 'exported' ORDER BY account LIMIT ?",
    MessageRow,
)
NOT_YET_NAMED = Question(
    f"{_MESSAGE} WHERE mailing = ? AND state IN ('exported', 'control') ORDER BY account"
    f" LIMIT {QUEUED_TOGETHER}",
    MessageRow,
)
"""What a cut has left of an export that was never named."""
MESSAGE = Question(f"{_MESSAGE} WHERE mailing = ? AND account = ?", MessageRow)
MESSAGES_BY_STATE: Question[tuple[str, int]] = Question(
    "SELECT state, count(*) FROM message WHERE mailing = ? GROUP BY state ORDER BY state",
    lambda state, count: (state, count),
)
BEGAN_AT = Question("SELECT coalesce(min(at), '') FROM message WHERE mailing = ?", str)
"""When the first message of a mailing was written down, or went out; "" before."""
PAID_PARTS = Question(
    "SELECT CAST(coalesce(sum(parts), 0) AS BIGINT) FROM message WHERE mailing = ?"
    " AND state NOT IN ('queued', 'trying', 'refused', 'control')",
    int,
)
BOUGHT_AFTER: Question[tuple[int, int, int, int]] = Question(
    "SELECT CASE WHEN m.state = 'control' THEN 1 ELSE 0 END AS is_control, count(*),"
    " CAST(sum(CASE WHEN coalesce(f.visits, 0) > 0 THEN 1 ELSE 0 END) AS BIGINT),"
    " CAST(sum(coalesce(f.net, 0)) AS BIGINT) FROM message AS m LEFT JOIN"
    " (SELECT account, sum(visits) AS visits, sum(net) AS net FROM fact"
    " WHERE day BETWEEN ? AND ? GROUP BY account) AS f ON f.account = m.account"
    " WHERE m.mailing = ? GROUP BY is_control ORDER BY is_control",
    lambda is_control, count, buyers, net: (is_control, count, buyers, net),
)
"""Of those who were ready (0) and the control group (1): how many, who of them bought between two
days (ordinals), and for how much."""
LOGGED_BEFORE = Question(
    f"{_MESSAGE} WHERE channel = ? AND at < ? AND state NOT IN ('bounced', 'queued', 'trying')"
    f" ORDER BY at LIMIT {QUEUED_TOGETHER}",
    MessageRow,
)
"""Of a channel, messages of before a time whose log is not kept any more. What came back is kept:
it marks a contact."""
SENT_BY_CHANNEL = Question(
    "SELECT count(*) FROM message WHERE channel = ? AND at >= ?"
    " AND state NOT IN ('queued', 'refused', 'control', 'exported')",
    int,
)
"""How many messages went to a gateway since a time."""
_OCCASION = "SELECT name, account, occasion, day, mailing FROM occasion"
OCCASION = Question(f"{_OCCASION} WHERE name = ? AND account = ? AND occasion = ?", OccasionRow)
OCCASIONS_OF_ACCOUNT = Question(f"{_OCCASION} WHERE account = ? AND account <> ''", OccasionRow)
OCCASIONS_BEFORE = Question(
    f"{_OCCASION} WHERE day < ? ORDER BY day LIMIT {QUEUED_TOGETHER}", OccasionRow
)
"""Those of before a day (ordinal) that nobody asks for any more."""
ACCOUNTS_OF_OCCASIONS = Question(
    "SELECT DISTINCT account FROM occasion WHERE mailing = ? AND mailing <> '' ORDER BY account",
    AccountId,
)
"""For whom a mailing is that a trigger has written."""
TRIGGER_DAY = Question(
    "SELECT coalesce(max(day), 0) FROM occasion WHERE name = ? AND account = ''", int
)
"""The last day (ordinal) on which a trigger was asked; 0 before the first."""
PROFILES_AFTER: Question[tuple[AccountId, bytes]] = Question(
    "SELECT account, profile FROM customer WHERE account > ? ORDER BY account LIMIT 1000",
    lambda account, profile: (account, profile),
)
EXPIRING_ON = Question(
    "SELECT DISTINCT account FROM lot WHERE expires = ? AND amount > 0", AccountId
)
"""Whose points have their last day then (ordinal)."""
DUE_ON: Question[tuple[AccountId, str, str]] = Question(
    "SELECT account, status, state FROM member WHERE due = ?",
    lambda account, status, state: (account, status, state),
)
"""Where time alone changes a status then (ordinal)."""
_BOUGHT_ON = (
    "SELECT f.account FROM (SELECT account, sum(visits) AS visits FROM fact"
    " WHERE day = ? AND account <> '' GROUP BY account) AS f WHERE f.visits > 0"
)
BOUGHT_ON = Question(_BOUGHT_ON, AccountId)
"""Who bought on a day (ordinal) what did not come back on it."""
_BOUGHT_FROM = (
    "EXISTS (SELECT 1 FROM fact AS was WHERE was.account = f.account"
    " AND was.day BETWEEN ? AND ? AND was.visits > 0)"
)
FIRST_BOUGHT_ON = Question(f"{_BOUGHT_ON} AND NOT {_BOUGHT_FROM}", AccountId)
"""The same, and on no day from one to another."""
BACK_ON = Question(f"{_BOUGHT_ON} AND {_BOUGHT_FROM} AND NOT {_BOUGHT_FROM}", AccountId)
"""The same, on some day between the first two, and on none between the others."""
LAST_SEEN_ON = Question(
    "SELECT account FROM account_sum WHERE last_day = ? AND visits > 0", AccountId
)


def among(text: str, count: int, more: int = 0) -> str:
    """Return a question about ``count`` accounts."""
    return text.format(places=", ".join("?" * count), more=", ".join("?" * more))
