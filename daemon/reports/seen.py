"""How much of a report an operator sees: a senior their own sales, a manager their stores. Pure.

An accountant sees all, and of a name its beginnings: ``O… I…``.
"""

import msgspec

from daemon.accounts.operators import Operator
from daemon.base.permissions import Action, Sight, sight
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.reports.filters import OF_SALES, Filters
from daemon.reports.report import Report, Row

_NAMES = frozenset({"name"})


def narrowed(report: Report, filters: Filters, operator: Operator) -> Filters:
    """Return the filters with what the operator may not see taken out.

    Raises: RefusedError PERMISSION where nothing is left.
    """
    match sight(operator.role, Action.READ_REPORTS):
        case Sight.ALL | Sight.MASKED:
            return filters
        case Sight.OWN if report.name == "cashiers":
            return msgspec.structs.replace(filters, cashier=(operator.name,))
        case Sight.STORE if not operator.stores:
            return filters
        case Sight.STORE if "store" in report.takes & OF_SALES:
            stores = tuple(
                one for one in filters.store or operator.stores if one in operator.stores
            )
            if stores:
                return msgspec.structs.replace(filters, store=stores)
    raise RefusedError(
        ErrorCode.PERMISSION, f"{operator.name} does not see this report, or not of these stores."
    )


def as_seen(report: Report, row: Row, operator: Operator) -> Row:
    """Return a row as the operator sees it."""
    if sight(operator.role, Action.READ_REPORTS) is not Sight.MASKED or report.put is None:
        return row
    return tuple(
        initials(value) if column.name in _NAMES else value
        for column, value in zip(report.all_columns, row, strict=True)
    )


def initials(name: str) -> str:
    """Return the beginnings of a name's first two words: ``O… I…``."""
    return " ".join(f"{word[0]}…" for word in name.split()[:2])
