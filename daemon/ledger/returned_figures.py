"""What a return's entry says for reports: the parts of the sale's figures that came back. Pure.

List price and net come back as the return's rule says (``programme.shares_back``): by shares, or,
with "recompute", less what the goods that stay cost more alone. What each rule gave comes back by
shares in both cases. So after the last return everything of a sale is 0 again, but for what was
kept from refunds.
"""

from collections.abc import Iterable

from daemon.ledger.entries import SYSTEM_ACCOUNTS, Posting
from daemon.ledger.posted_facts import Figures, ReturnedFigures, buyer_of, cost_of, worth_of
from daemon.ledger.sale_records import SaleRecord
from daemon.programme.names import OwnedPurse
from daemon.programme.quote import QuotedLine
from daemon.programme.shares_back import SharesBack, part_back


def came_back(
    record: SaleRecord,
    due: SharesBack,
    back: SharesBack,
    moved: Iterable[Posting],
    cash_minor: int,
) -> ReturnedFigures:
    """Return the figures of a return.

    record:     the sale as it was before. due: what its rule gives back; back: what came of it.
    moved:      what the return posted, before a chip's part was settled.
    cash_minor: paid out in money in place of what the card's chip would have got back.
    """
    sale, coming = record.sale, _Coming(record, back)
    own, gifts = _burned(record, moved)
    earned = {key: n for key, n in back.earned.items() if not OwnedPurse.of(key).account}
    list_total = coming.of("list_total")
    net = coming.of("net") - coming.of("paid") + due.money - due.rounding
    # What a purse of goods paid is no money, and no worth either: it comes back as it went.
    paid = back.money - back.rounding + worth_of(gifts, sale.worth) + coming.paid_in_goods()
    cost, cost_net = coming.costs()
    figures = Figures(
        list_total=list_total,
        discount=list_total - net,
        net=net,
        paid=paid + cash_minor,
        burned=worth_of(own, sale.worth) - cash_minor,
        earned=worth_of(earned, sale.worth),
        cost=cost,
        cost_net=cost_net,
    )
    buyer = buyer_of(sale.frozen.facts, sale.card_id, sale.statuses, sale.flags)
    rules, complete = coming.by_rule(), back.complete
    return ReturnedFigures(buyer=buyer, figures=figures, rules=rules, complete=complete)


class _Coming:
    """The lines that come back, and the parts of their shares."""

    def __init__(self, record: SaleRecord, back: SharesBack) -> None:
        self._sale = record.sale
        self._gone = {line.line: line.qty_milli for line in record.returned}
        self._now = {line.line: line.qty_milli for line in back.lines}
        self._lines = [line for line in record.sale.quote.lines if line.line in self._now]

    def _part(self, line: QuotedLine, share: int) -> int:
        return part_back(line, share, self._gone.get(line.line, 0), self._now[line.line])

    def of(self, share: str) -> int:
        """Return what comes back of a share that every line has."""
        return sum(self._part(line, getattr(line, share)) for line in self._lines)

    def paid_in_goods(self) -> int:
        """Return what comes back of what purses paid whose units are worth nothing."""
        return sum(
            self._part(line, minor)
            for line in self._lines
            for purse, minor in line.burned.items()
            if purse not in self._sale.worth
        )

    def by_rule(self) -> dict[str, int]:
        """Return what comes back of what each rule gave; 0 of one that gave to other lines."""
        rules = {off.rule: 0 for line in self._sale.quote.lines for off in line.applied}
        for line in self._lines:
            for off in line.applied:
                rules[off.rule] += self._part(line, off.minor)
        return rules

    def costs(self) -> tuple[int, int]:
        """Return what the goods have cost, where their lines say so, and their net."""
        costs = {line.line: line.cost for line in self._sale.frozen.basket.lines}
        cost = net = 0
        for line in self._lines:
            each, before = costs[line.line], self._gone.get(line.line, 0)
            if each is not None:
                cost += cost_of(each, before + self._now[line.line]) - cost_of(each, before)
                net += self._part(line, line.net)
        return cost, net


def _burned(record: SaleRecord, moved: Iterable[Posting]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the units that came back to the card's own purses, and to gift cards, by purse."""
    own, gifts = dict[str, int](), dict[str, int]()
    for posting in moved:
        if posting.amount > 0 and posting.account not in SYSTEM_ACCOUNTS:
            whose = own if posting.account == record.sale.account else gifts
            whose[posting.purse] = whose.get(posting.purse, 0) + posting.amount
    return own, gifts
