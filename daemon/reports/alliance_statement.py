"""What an alliance owes and is owed for a period: sums of the facts of its cards."""

import msgspec

from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Store
from daemon.programme.alliances import Alliance
from daemon.reports.period import Period

_SUMS: Question[tuple[int, int, int]] = Question(
    "SELECT CAST(coalesce(sum(CASE WHEN kind = 'sale' THEN 1 ELSE 0 END), 0) AS BIGINT),"
    " CAST(coalesce(sum(discount), 0) AS BIGINT), CAST(coalesce(sum(net), 0) AS BIGINT)"
    " FROM fact WHERE day BETWEEN ? AND ? AND issuer = ?",
    lambda sales, discount, net: (sales, discount, net),
)


class AllianceStatement(msgspec.Struct, frozen=True, kw_only=True):
    """What was given to an issuer's cards, and who owes whom; minor units.

    sales:   how many there were. discount, net: of them, less what came back in the period.
    balance: to us; less than 0 is to them.
    """

    issuer: str
    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    sales: int
    discount: int
    net: int
    they_owe: int
    we_owe: int
    balance: int


def alliance_statement(store: Store, *, alliance: Alliance, period: Period) -> AllianceStatement:
    """Return the statement of a period of local days."""
    sales, discount, net = store.ask(_SUMS, *period.days, alliance.issuer)[0]
    they_owe, we_owe = alliance.they_owe(discount), alliance.we_owe(net)
    return AllianceStatement(
        issuer=alliance.issuer,
        first=str(period.first),
        last=str(period.last),
        sales=sales,
        discount=discount,
        net=net,
        they_owe=they_owe,
        we_owe=we_owe,
        balance=they_owe - we_owe,
    )
