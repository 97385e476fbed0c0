"""``own_card``: an operator sells to the account that is linked to them."""

from collections import defaultdict
from collections.abc import Sequence

from daemon.accounts.operators import name_key
from daemon.reports.findings.detector import Detector, Found, Looking, Note, Place, cut


def _find(looking: Looking) -> Sequence[Found]:
    own = {
        key: looking.whose(account)
        for key, account in looking.rows("SELECT key, account FROM operator WHERE account <> ''")
    }
    if not own:
        return ()
    accounts = sorted(set(own.values()))
    rows = looking.rows(
        f"SELECT cashier, account, store, ledger_id, seq FROM {looking.facts}"
        f" WHERE day = ? AND kind = 'sale' AND account IN ({', '.join('?' * len(accounts))})",
        looking.day,
        *accounts,
    )
    sold: defaultdict[tuple[str, str], list[tuple[str, Place]]] = defaultdict(list)
    for cashier, account, store, ledger_id, seq in rows:
        if own.get(name_key(cashier)) == account:
            sold[cashier, account].append((store, (ledger_id, seq)))
    return [
        Found(
            subject=cashier,
            other=account,
            value=len(those),
            threshold=0,
            evidence=cut((place for _, place in those), (store for store, _ in those)),
        )
        for (cashier, account), those in sorted(sold.items())
    ]


OWN_CARD = Detector(
    name="own_card",
    about="cashier",
    unit="count",
    days=1,
    means=Note("An operator has sold to their own card.", "Працівник продав на власну картку."),
    innocent=Note(
        "The shop lets its staff serve themselves.", "Магазин дозволяє працівникам такі продажі."
    ),
    find=_find,
)
