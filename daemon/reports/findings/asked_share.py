"""``asked_share``: the same with what the cashier asked for (`ask`)."""

from collections.abc import Sequence

from daemon.ledger.posted_facts import SaleFlag
from daemon.programme.names import ask_fact
from daemon.reports.findings.by_store import DAYS, far_off_in_stores
from daemon.reports.findings.detector import Detector, Found, Looking, Note


def _find(looking: Looking) -> Sequence[Found]:
    asked = [rule.id for rule in looking.programme.rules if ask_fact(rule.id) in rule.facts]
    if not asked:
        return ()
    of_asked = f"CASE WHEN rule IN ({', '.join('?' * len(asked))}) THEN discount ELSE 0 END"
    figures = looking.rows(
        "SELECT store, cashier, CAST(sum(CASE WHEN rule = '' THEN n ELSE 0 END) AS BIGINT),"
        f" CAST(sum({of_asked}) AS BIGINT),"
        " CAST(sum(CASE WHEN rule = '' THEN list_total ELSE 0 END) AS BIGINT)"
        " FROM day_sum WHERE day BETWEEN ? AND ? GROUP BY store, cashier ORDER BY store, cashier",
        *asked,
        looking.first(DAYS),
        looking.day,
    )
    return far_off_in_stores(looking, figures, f"(flags & {int(SaleFlag.ASKED)}) <> 0")


ASKED_SHARE = Detector(
    name="asked_share",
    about="cashier",
    unit="bp",
    days=DAYS,
    means=Note(
        "This cashier asks for far more discount than the others in the store.",
        "Цей касир просить набагато більше знижок, ніж інші в магазині.",
    ),
    innocent=Note("Sells the big pieces.", "Продає великі речі."),
    find=_find,
)
