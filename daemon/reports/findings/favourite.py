"""``favourite``: one cashier nearly always serves a card, and rings half of all sales or less."""

from collections.abc import Sequence

from daemon.base.money import BASIS_POINTS
from daemon.reports.findings.detector import Detector, Found, Looking, Note

DAYS = 30
SALES_MIN, SHARE_MIN_BP, OF_STORE_MAX_BP = 5, 8_000, 5_000


def _find(looking: Looking) -> Sequence[Found]:
    rows = looking.rows(
        "WITH rang AS (SELECT account, store, cashier, count(*) AS n"
        f" FROM {looking.facts} WHERE day BETWEEN ? AND ? AND kind = 'sale'"
        " GROUP BY account, store, cashier),"
        " bought AS (SELECT account, sum(n) AS n FROM rang WHERE account <> '' GROUP BY account"
        f" HAVING sum(n) >= {SALES_MIN}),"
        " cashiers AS (SELECT store, cashier, sum(n) AS n FROM rang GROUP BY store, cashier),"
        " stores AS (SELECT store, sum(n) AS n FROM rang GROUP BY store)"
        " SELECT rang.account, rang.store, rang.cashier, rang.n, CAST(bought.n AS BIGINT)"
        " FROM bought JOIN rang ON rang.account = bought.account"
        " JOIN cashiers ON cashiers.store = rang.store AND cashiers.cashier = rang.cashier"
        " JOIN stores ON stores.store = rang.store"
        f" WHERE rang.cashier <> '' AND rang.n * {BASIS_POINTS} >= bought.n * {SHARE_MIN_BP}"
        f" AND cashiers.n * {BASIS_POINTS} <= stores.n * {OF_STORE_MAX_BP}"
        " ORDER BY rang.account",
        looking.first(DAYS),
        looking.day,
    )
    return [
        Found(
            subject=account,
            other=cashier,
            value=BASIS_POINTS * count // of,
            threshold=SHARE_MIN_BP,
            evidence=looking.evidence(
                DAYS, "kind = 'sale' AND account = ? AND cashier = ?", account, cashier
            ),
        )
        for account, _, cashier, count, of in rows
    ]


FAVOURITE = Detector(
    name="favourite",
    about="account",
    unit="bp",
    days=DAYS,
    means=Note(
        "A card is nearly always served by the same cashier.",
        "Картку майже завжди обслуговує той самий касир.",
    ),
    innocent=Note(
        "A regular with fixed hours.", "Постійний покупець, що приходить у той самий час."
    ),
    find=_find,
)
