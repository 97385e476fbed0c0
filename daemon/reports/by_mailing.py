"""``mailings``: what was written to customers, what became of it, and what it has brought.

    mailing      state   channel  people  ready  accepted  bounced  control   cost  difference
    m-2026-0001  done    sms       1,400  1,200     1,150       30      200  977.50       10.00
    m-2026-0002  draft   email                          0        0        0    0.00

A row is a mailing that was made in the period, whatever became of it later. ``people`` and
``ready`` are as it was counted by its newest check; messages are as they are now.

What became of messages is kept for LOG_DAYS. Of a mailing that is older nobody knows any more which
of them are gone, so nothing is said of its messages.
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from daemon.base.mailing_config import LOG_DAYS
from daemon.ledger.storage.mailing_queries import MAILINGS_MADE, MESSAGES_BY_STATE
from daemon.ledger.storage.mailing_rows import MailingRow
from daemon.ledger.storage.store import Store
from daemon.programme.programme import local_day
from daemon.reports.mailing_effect import EFFECT_DAYS, TOO_FEW, are_enough, compared, cost_of
from daemon.reports.report import Asked, Column, Kind, Report, Row

READY, CONTROL = "ready", "control"
STATES = (
    *("queued", "trying", "accepted", "delivered", "exported"),
    *("bounced", "refused", "unknown", CONTROL),
)
"""Of messages; every message has one of them."""
UNBEGUN = ("draft", "checked", "approved")
_EFFECT_COLUMNS = 6
FORGOTTEN = "not kept any more"


def _made(store: Store, asked: Asked) -> Iterator[Row]:
    begin, end = asked.moments
    years = (f"m-{asked.period.first.year:04d}-", f"m-{asked.period.last.year:04d}-~")
    for row in store.ask(MAILINGS_MADE, *years, begin, end):
        made = local_day(asked.programme, datetime.fromisoformat(row.made_at)).toordinal()
        counts = msgspec.json.decode(row.counts or "{}", type=dict[str, int])
        is_forgotten = row.state not in UNBEGUN and asked.today.toordinal() - made >= LOG_DAYS - 1
        yield (
            *(row.mailing, made, row.state, row.channel, row.audience),
            *(sum(counts.values()) if counts else None, counts.get(READY)),
            *(_nothing() if is_forgotten else _sent(store, asked, row)),
        )


def _nothing() -> Row:
    return (*(None,) * (len(STATES) + 1 + _EFFECT_COLUMNS), FORGOTTEN)


def _sent(store: Store, asked: Asked, row: MailingRow) -> Row:
    """Return how many messages are in each state, their cost, and what they have brought.

    Sales are looked at only where there are enough people to say something of.
    """
    messages = dict(store.ask(MESSAGES_BY_STATE, row.mailing))
    control = messages.get(CONTROL, 0)
    ready = sum(messages.values()) - control
    said = (*(messages.get(state, 0) for state in STATES), cost_of(store, row))
    if row.state in UNBEGUN or not are_enough(ready, control):
        return (*said, *(None,) * _EFFECT_COLUMNS, "" if row.state in UNBEGUN else TOO_FEW)
    groups = compared(store, asked.programme, row.mailing, EFFECT_DAYS)
    assert groups is not None, "it has messages"
    return (
        *said,
        *(groups.ready.share_bp, groups.control.share_bp, groups.share_difference_bp),
        *(groups.ready.net_per_head, groups.control.net_per_head, groups.net_difference),
        "",
    )


MAILINGS = Report(
    name="mailings",
    title="What was written to customers, and what it has brought",
    columns=(
        Column("mailing", Kind.TEXT),
        Column("made", Kind.DAY),
        Column("state", Kind.TEXT),
        Column("channel", Kind.TEXT),
        Column("audience", Kind.TEXT),
        Column("people", Kind.COUNT, summed=True),
        Column("ready", Kind.COUNT, summed=True),
        *(Column(state, Kind.COUNT, summed=True) for state in STATES),
        Column("cost", Kind.MONEY, summed=True),
        Column("ready_bp", Kind.BP),
        Column("control_bp", Kind.BP),
        Column("difference_bp", Kind.BP),
        Column("ready_head", Kind.MONEY),
        Column("control_head", Kind.MONEY),
        Column("difference", Kind.MONEY),
        Column("note", Kind.TEXT),
    ),
    sort="mailing",
    takes=frozenset(),
    made=_made,
)
