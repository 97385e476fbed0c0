"""``voids``: a cashier's holds of one day were voided again and again."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from daemon.base.money import BASIS_POINTS
from daemon.reports.findings.detector import Detector, Found, Looking, Note, Place, cut

VOIDED_MIN, SHARE_MAX_BP = 5, 1_000


class _Held(msgspec.Struct, frozen=True):
    cashier: str = ""
    store: str = ""


def _find(looking: Looking) -> Sequence[Found]:
    holds: dict[str, tuple[_Held, Place]] = {}
    voids: dict[str, Place] = {}
    for place, entry in looking.entries():
        if entry.kind == "hold":
            holds[entry.ref] = msgspec.json.decode(entry.detail, type=_Held), place
        elif entry.kind == "void":
            voids[entry.ref] = place
    held: defaultdict[str, int] = defaultdict(int)
    voided: defaultdict[str, list[Place]] = defaultdict(list)
    stores: defaultdict[str, set[str]] = defaultdict(set)
    for sale_id, (hold, place) in holds.items():
        held[hold.cashier] += 1
        if sale_id in voids:
            voided[hold.cashier] += [place, voids[sale_id]]
            stores[hold.cashier].add(hold.store)
    return [
        Found(
            subject=cashier,
            value=count,
            threshold=VOIDED_MIN,
            evidence=cut(places, stores[cashier]),
        )
        for cashier, places in sorted(voided.items())
        if cashier
        and (count := len(places) // 2) >= VOIDED_MIN
        and count * BASIS_POINTS > held[cashier] * SHARE_MAX_BP
    ]


VOIDS = Detector(
    name="voids",
    about="cashier",
    unit="count",
    days=1,
    means=Note(
        "Sales on hold were voided again and again.", "Відкладені продажі раз у раз скасовували."
    ),
    innocent=Note("A slow terminal of the bank.", "Повільний банківський термінал."),
    find=_find,
)
