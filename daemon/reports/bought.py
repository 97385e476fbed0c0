"""What cards have bought in a period: whole months from sums, single days from facts; as SQL.

    March 10-31 from fact · April, May from month_sum · June 1-5 from fact

Where somebody asks for what sums of months do not know, such as a store or an hour, all is read
from facts. An account that was merged into another counts as the one it went into.
"""

from collections.abc import Sequence

from daemon.ledger.entries import FOREVER
from daemon.ledger.storage.fact_tables import NEVER
from daemon.reports.period import AMOUNTS, OF_FACTS, Period
from daemon.reports.report import Asked, Sql, summed

_IS_SALE = "CASE WHEN kind = 'sale' THEN"
SUMS = dict(zip(AMOUNTS, OF_FACTS, strict=True))
"""What is summed, and how it is read of a fact."""
DAYS = {
    "first_day": ("min", f"{_IS_SALE} day ELSE {FOREVER} END"),
    "last_day": ("max", f"{_IS_SALE} day ELSE {NEVER} END"),
}
MERGED_INTO = (
    "(WITH RECURSIVE chain (dropped, kept) AS (SELECT dropped, kept FROM merged"
    " UNION ALL SELECT chain.dropped, m.kept FROM chain JOIN merged AS m ON m.dropped = chain.kept)"
    " SELECT dropped, kept FROM chain"
    " WHERE NOT EXISTS (SELECT 1 FROM merged AS m WHERE m.dropped = chain.kept))"
)
"""Each account that was merged, and the one that it is in the end."""


def bought(asked: Asked, where: Sql, *, keys: Sequence[str], facts_only: bool) -> Sql:
    """Return a SELECT of sums by ``keys``, and the first and last day of a sale.

    where: what a row of ``fact`` must fulfil; unless ``facts_only``, one of ``month_sum`` too.
    keys:  of ``account partner employee``; a merged account counts as the one it went into.
    """
    rows = _facts(asked.period, where, keys) if facts_only else _parts(asked.period, where, keys)
    named = "".join(f"{key}, " for key in keys)
    text = f"SELECT {named}{_summed()} FROM ({rows.text}) AS parts GROUP BY {', '.join(keys)}"
    return _as_merged(Sql(text, rows.values), keys) if asked.has_merged else Sql(text, rows.values)


def _summed() -> str:
    sums = [f"{summed(name)} AS {name}" for name in SUMS]
    return ", ".join(sums + [f"{way}({name}) AS {name}" for name, (way, _) in DAYS.items()])


def _facts(period: Period, where: Sql, keys: Sequence[str]) -> Sql:
    return Sql(
        f"{_of_fact(keys)} WHERE day BETWEEN ? AND ? AND account <> '' AND {where.text}",
        (*period.days, *where.values),
    )


def _parts(period: Period, where: Sql, keys: Sequence[str]) -> Sql:
    named = ", ".join((*keys, *SUMS, *DAYS))
    first, last = period.months
    if first == last and period.is_months:  # the rows of a month lie in the order of its accounts
        text = f"SELECT {named} FROM month_sum WHERE month = ? AND {where.text}"
        return Sql(text, (first, *where.values))
    if period.is_months:
        text = f"SELECT {named} FROM month_sum WHERE month BETWEEN ? AND ? AND {where.text}"
        return Sql(text, (first, last, *where.values))
    text = (
        f"SELECT {named} FROM month_sum WHERE month BETWEEN ? AND ? AND {where.text}"
        f" UNION ALL {_of_fact(keys)}"
        f" WHERE (day BETWEEN ? AND ? OR day BETWEEN ? AND ?) AND account <> '' AND {where.text}"
    )
    return Sql(text, (*period.months, *where.values, *period.ends, *where.values))


def _of_fact(keys: Sequence[str]) -> str:
    said = [f"{text} AS {name}" for name, text in SUMS.items()]
    said += [f"{text} AS {name}" for name, (_, text) in DAYS.items()]
    return f"SELECT {', '.join((*keys, *said))} FROM fact"


def _as_merged(rows: Sql, keys: Sequence[str]) -> Sql:
    own = ["coalesce(into_.kept, b.account)" if key == "account" else f"b.{key}" for key in keys]
    named = ", ".join(f"{text} AS {key}" for key, text in zip(keys, own, strict=True))
    text = (
        f"SELECT {named}, {_summed()} FROM ({rows.text}) AS b"
        f" LEFT JOIN {MERGED_INTO} AS into_ ON into_.dropped = b.account"
        f" GROUP BY {', '.join(own)}"
    )
    return Sql(text, rows.values)


def of_all_time(asked: Asked) -> str:
    """Return the sums of all time by account, as SQL that can stand in place of a table."""
    if not asked.has_merged:
        return "account_sum"
    sums = ("visits", "net", "paid", "discount")
    columns = ", ".join(f"{summed(f's.{name}')} AS {name}" for name in sums)
    return (
        "(SELECT coalesce(into_.kept, s.account) AS account, min(s.first_day) AS first_day,"
        f" max(s.last_day) AS last_day, {columns},"
        " max(CASE WHEN into_.kept IS NULL THEN s.standing_bp ELSE -1 END) AS standing_bp"
        f" FROM account_sum AS s LEFT JOIN {MERGED_INTO} AS into_ ON into_.dropped = s.account"
        " GROUP BY coalesce(into_.kept, s.account))"
    )
