"""``friend_ring``: somebody is rewarded for friends whom one cashier brings in, one by one."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from daemon.base.money import BASIS_POINTS
from daemon.ledger.entries import decode
from daemon.ledger.storage.packing import unpacked
from daemon.reports.findings.detector import Detector, Found, Looking, Note, Place, cut

DAYS = 30
FRIENDS_MIN, SHARE_MIN_BP = 5, 8_000


def _find(looking: Looking) -> Sequence[Found]:
    rows = looking.rows(
        "SELECT fr.referrer, fr.account, f.cashier, f.store, f.ledger_id, f.seq, e.body"
        " FROM friend AS fr JOIN fact AS f ON f.account = fr.account"
        " JOIN entry AS e ON e.ledger_id = f.ledger_id AND e.seq = f.seq"
        " WHERE fr.at >= ? AND fr.at < ? AND f.kind = 'sale' AND f.day BETWEEN ? AND ?"
        " ORDER BY fr.referrer, fr.account, f.day, e.at, f.ledger_id, f.seq",
        *looking.moments(DAYS),
        looking.first(DAYS),
        looking.day,
    )
    seen: set[str] = set()
    sold: defaultdict[str, list[tuple[str, str, Place]]] = defaultdict(list)
    for referrer, friend, cashier, store, ledger_id, seq, body in rows:
        if friend in seen:
            continue  # what is asked is who sold to them first
        seen.add(friend)
        legs = decode(unpacked(body)).postings
        if any(leg.amount > 0 and looking.whose(leg.account) == referrer for leg in legs):
            sold[referrer].append((cashier, store, (ledger_id, seq)))
    found = []
    for referrer, those in sorted(sold.items()):
        [(cashier, times)] = Counter(cashier for cashier, *_ in those).most_common(1)
        is_ring = len(those) >= FRIENDS_MIN and cashier
        if is_ring and times * BASIS_POINTS >= len(those) * SHARE_MIN_BP:
            found.append(
                Found(
                    subject=referrer,
                    other=cashier,
                    value=BASIS_POINTS * times // len(those),
                    threshold=SHARE_MIN_BP,
                    evidence=cut((one for *_, one in those), (store for _, store, _ in those)),
                )
            )
    return found


FRIEND_RING = Detector(
    name="friend_ring",
    about="account",
    unit="bp",
    days=DAYS,
    means=Note(
        "Nearly all friends that a customer was rewarded for were first sold to by one cashier.",
        "Майже всім друзям, за яких покупець має винагороду, перший продаж зробив один касир.",
    ),
    innocent=Note(
        "An influencer, and one who works there often.", "Блогер і касир, що працює часто."
    ),
    find=_find,
)
