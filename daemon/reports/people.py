"""Who the accounts of a report are: what profiles say is put to the rows that are shown."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from card_formats.credential import mask
from daemon.accounts.cards import profile_in
from daemon.base.ids import AccountId
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Store
from daemon.programme.status import OUTSIDE, StatusState
from daemon.reports.report import Column, Kind, Row

ACCOUNTS_AT_ONCE = 500
PEOPLE_COLUMNS = (
    Column("name", Kind.TEXT),
    Column("card", Kind.TEXT),
    Column("partner", Kind.TEXT),
    Column("employee", Kind.TEXT),
    Column("status", Kind.TEXT),
)
NOBODY: Row = ("", "", "", "", "")
"""An account of which nothing is known any more."""


def people(store: Store, accounts: Iterable[AccountId]) -> Mapping[AccountId, Row]:
    """Return of each account: its name, a card (masked), who sent it, its statuses."""
    found: dict[AccountId, Row] = {}
    for some in _groups(accounts):
        names = {account: profile_in(body).name for account, body in _of(store, _PROFILE, some)}
        cards = {account: mask(number) for account, number in _of(store, _CARD, some)}
        sent = {account: (who, whom) for account, who, whom in _of(store, _SENT, some)}
        stands: dict[AccountId, list[str]] = {}
        for account, status, state in _of(store, _STANDS, some):
            stage = msgspec.json.decode(state, type=StatusState).stage
            if stage != OUTSIDE.stage:
                stands.setdefault(account, []).append(f"{status}:{stage}")
        for account in some:
            partner, employee = sent.get(account, ("", ""))
            statuses = ", ".join(stands.get(account, ()))
            found[account] = (
                names.get(account, ""), cards.get(account, ""), partner, employee, statuses
            )  # fmt: skip
    return found


def _groups(accounts: Iterable[AccountId]) -> Iterator[list[AccountId]]:
    rest = iter(accounts)
    while some := list(islice(rest, ACCOUNTS_AT_ONCE)):
        yield some


_PROFILE = "SELECT account, profile FROM customer WHERE account IN ({places})"
_CARD = "SELECT account, max(number) FROM card WHERE account IN ({places}) GROUP BY account"
_SENT = (
    "SELECT a.account, coalesce(p.code, ''), coalesce(e.code, '') FROM assignment AS a"
    " LEFT JOIN partner AS p ON p.account = a.partner LEFT JOIN partner AS e"
    " ON e.account = a.employee WHERE a.account IN ({places})"
    " AND NOT EXISTS (SELECT 1 FROM assignment AS later WHERE later.account = a.account"
    " AND (later.at, later.ledger_id, later.seq) > (a.at, a.ledger_id, a.seq))"
)
_STANDS = "SELECT account, status, state FROM member WHERE account IN ({places}) ORDER BY status"


def _of(store: Store, text: str, accounts: list[AccountId]) -> list[Any]:
    places = ", ".join("?" * len(accounts))
    return store.ask(Question(text.format(places=places), _row), *accounts)


def _row(*row: Any) -> Any:
    return row
