"""Cashiers whose share of something is far off from that of the others of their store."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from daemon.reports.findings.detector import Found, Looking
from daemon.reports.findings.others import SALES_MIN, far_off, share_bp

DAYS = 30
Figure = tuple[str, str, int, int, int]
"""A store, a cashier, how many sales, a part, and the whole that it is a part of."""


def far_off_in_stores(
    looking: Looking, figures: Iterable[Figure], where: str, values: Sequence[str] = ()
) -> Sequence[Found]:
    """Return who is far off; of two stores, where they are further from what is usual.

    where: what else a fact must fulfil to be evidence, with its values.
    """
    found: dict[str, Found] = {}
    for store, cashier, share, most in _by_store(figures):
        known = found.get(cashier)
        if known is not None and known.value - known.threshold >= share - most:
            continue
        its_own = (f"store = ? AND cashier = ? AND {where}", store, cashier, *values)
        found[cashier] = Found(
            subject=cashier,
            value=share,
            threshold=most,
            evidence=looking.evidence(DAYS, *its_own),
        )
    return list(found.values())


def _by_store(figures: Iterable[Figure]) -> Iterator[tuple[str, str, int, int]]:
    stores: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for store, cashier, sales, part, whole in figures:
        if sales >= SALES_MIN and whole > 0 and cashier:
            stores[store][cashier] = share_bp(part, whole)
    for store, shares in sorted(stores.items()):
        for cashier, share, most in far_off(shares):
            yield store, cashier, share, most
