"""What a mailing has brought, as whoever asks is told of it; see ``reports.mailing_effect``."""

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.storage.store import Store
from daemon.mailing.mailing_terms import Effect, EffectTerms
from daemon.mailing.mailings import mailing_named
from daemon.programme.programme import Programme
from daemon.reports.mailing_effect import TOO_FEW, compared, cost_of


def effect(store: Store, programme: Programme, terms: EffectTerms) -> Effect:
    """Return what a mailing has brought within days of its beginning.

    Raises: RefusedError CARD_UNKNOWN; NOT_UNDOABLE for one that has not begun.
    """
    row = mailing_named(store, terms.mailing)
    groups = compared(store, programme, row.mailing, terms.days)
    if groups is None:
        raise RefusedError(ErrorCode.NOT_UNDOABLE, f"{row.mailing} has not begun yet.")
    return Effect(
        mailing=row.mailing,
        first=groups.first.isoformat(),
        last=groups.last.isoformat(),
        ready=groups.ready,
        control=groups.control,
        share_difference_bp=groups.share_difference_bp,
        net_difference=groups.net_difference,
        cost=cost_of(store, row),
        verdict="" if groups.is_enough else TOO_FEW,
    )
