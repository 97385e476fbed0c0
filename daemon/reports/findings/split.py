"""``split``: one purchase rung up as several, each of which stays below a limit.

Sales to one account in one store are a group for 30 minutes from the first, both ends included.
With a limit of 1,000.00 a purchase of 700.00 at 10:00 and one of 400.00 at 10:30 are one group of
1,100.00 and a finding; at 10:31 they are two groups, and none. Limits are the programme's ``max``
of what a rule gives, the ``min_purchase`` of its cards, and what a typed number or a chip may pay.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from daemon.ledger.chip_owed import chip_purse
from daemon.programme.programme import Programme
from daemon.reports.findings.detector import Detector, Found, Looking, Note, Place, Watched, cut

MINUTES = 30
SALES_MIN = 2


class Sold(NamedTuple):
    """One sale to an account. ``minute``: of the shop's day."""

    minute: int
    net: int
    place: Place


def limits_of(programme: Programme, watched: Watched) -> set[int]:
    """Return the amounts that limit what one sale gets or pays, in minor units."""
    mosts = (rule.give.most for rule in programme.rules)
    found = {most.highest for most in mosts if most is not None and most.unit == "minor"}
    found |= {card.min_purchase for card in programme.cards.values()}
    purse = programme.purses.get(chip_purse(programme))
    by_chip = watched.chip_max * (purse.worth or 0) if purse else 0
    return (found | {watched.typed_max, by_chip}) - {0}


def groups(sold: Iterable[Sold]) -> Iterator[list[Sold]]:
    """Yield sales, which are in time, by what may be one purchase."""
    group: list[Sold] = []
    for one in sold:
        if group and one.minute - group[0].minute > MINUTES:
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def stayed_below(group: Sequence[Sold], limits: Iterable[int]) -> int:
    """Return the greatest limit that each stays below and all together reach, or 0."""
    greatest, together = max(one.net for one in group), sum(one.net for one in group)
    if len(group) < SALES_MIN:
        return 0
    return max((limit for limit in limits if greatest < limit <= together), default=0)


def _find(looking: Looking) -> Sequence[Found]:
    limits = limits_of(looking.programme, looking.watched)
    if not limits:
        return ()
    rows = looking.rows(
        f"SELECT account, store, minute, net, ledger_id, seq FROM {looking.facts}"
        " WHERE day = ? AND kind = 'sale' AND account <> ''",
        looking.day,
    )
    sales = sorted(
        (account, store, Sold(looking.minute(minute), net, (ledger_id, seq)))
        for account, store, minute, net, ledger_id, seq in rows
    )
    found: dict[str, Found] = {}
    for (account, store), those in groupby(sales, key=lambda row: row[:2]):
        best = _of(account, store, [sold for *_, sold in those], limits)
        known = found.get(account)
        if best is not None and (known is None or best.value > known.value):
            found[account] = best
    return list(found.values())


def _of(account: str, store: str, sold: list[Sold], limits: set[int]) -> Found | None:
    split = [(stayed_below(group, limits), group) for group in groups(sold)]
    split = [(limit, group) for limit, group in split if limit]
    if not split:
        return None
    limit, largest = max(split, key=lambda one: sum(sale.net for sale in one[1]))
    return Found(
        subject=account,
        value=sum(sale.net for sale in largest),
        threshold=limit,
        evidence=cut((sale.place for _, group in split for sale in group), (store,)),
    )


SPLIT = Detector(
    name="split",
    about="account",
    unit="money",
    days=1,
    means=Note(
        "One purchase may have been rung up as several, each below a limit.",
        "Одну покупку, можливо, пробили кількома, кожну нижче за межу.",
    ),
    innocent=Note("Forgot the bread.", "Забули хліб."),
    find=_find,
)
