"""``staff``: what each cashier has done for the programme, beside the plan of their role.

    cashier   issued   used   questionnaires   with a card / receipts   reward
    anna          32     28         31 (96.88 %)        177 / 412        140.00
    olha          40     30         39 (97.50 %)        200 / 450        450.00

A card is used where somebody else than the cashier who issued it has rung its first sale, within
seven days, and it was used again. A questionnaire counts as it is filled now. A plan is of a month,
so a reward is asked of one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from daemon.accounts.cards import Profile
from daemon.base.ids import AccountId
from daemon.base.money import BASIS_POINTS
from daemon.base.permissions import OperatorRole
from daemon.base.refusals import ParamError
from daemon.ledger.storage.queries import OPERATOR, Question
from daemon.ledger.storage.store import Store
from daemon.programme.staff_plans import StaffPlan
from daemon.reports.chosen import of_sales
from daemon.reports.customer_figures import ratio
from daemon.reports.issued import FIRST_USE_DAYS, WITH_CARD, of_issues
from daemon.reports.report import Asked, Column, Kind, Report, Row, summed

USES_MIN = 2
"""Purchases after which a card counts as used: a first one, and one more."""
_FIRST = (
    f"(SELECT f.{{}} FROM fact AS f WHERE {WITH_CARD} AND f.kind = 'sale'"
    " ORDER BY f.day, f.minute, f.ledger_id, f.seq LIMIT 1)"
)
Receipts = tuple[int, int, int, int]
"""Purchases and net with a card, and without one."""


def _issues(store: Store, asked: Asked) -> Iterator[tuple[str, AccountId, bool]]:
    """Yield of each card issued in the period: by whom, whose it is now, whether it is used."""
    where = of_issues(asked.filters)
    text = (
        f"SELECT i.by, c.account, {_FIRST.format('day')} - i.day, {_FIRST.format('cashier')},"
        f" coalesce((SELECT sum(f.visits) FROM fact AS f WHERE {WITH_CARD}), 0)"
        " FROM card_issue AS i JOIN card AS c ON c.card_id = i.card_id"
        f" WHERE i.day BETWEEN ? AND ? AND {where.text} ORDER BY i.by, i.card_id"
    )
    question = Question(text, lambda *row: row)
    for by, account, days, cashier, uses in store.ask(question, *asked.period.days, *where.values):
        soon = days is not None and days <= FIRST_USE_DAYS
        yield by, AccountId(account), soon and cashier != by and uses >= USES_MIN


def _receipts(store: Store, asked: Asked) -> Mapping[str, Receipts]:
    where = of_sales(asked.filters)
    parts = [
        summed(f"CASE WHEN account {sign} '' THEN {column} ELSE 0 END")
        for sign in ("<>", "=")
        for column in ("visits", "net")
    ]
    question: Question[tuple[str, Receipts]] = Question(
        f"SELECT cashier, {', '.join(parts)} FROM fact"
        f" WHERE day BETWEEN ? AND ? AND {where.text} GROUP BY cashier",
        lambda cashier, *sums: (cashier, sums),
    )
    return dict(store.ask(question, *asked.period.days, *where.values))


def _plan(store: Store, asked: Asked, cashier: str) -> StaffPlan | None:
    operator = store.ask_one(OPERATOR, cashier.casefold())
    role = operator.role if operator is not None else OperatorRole.CASHIER.value
    return asked.programme.plans.get(role)


def _check_month(asked: Asked) -> None:
    first, last = asked.period.months
    if first != last or not asked.period.is_months:
        raise ParamError("to", "the programme's plans are of a month; ask for a whole one")


def _made(store: Store, asked: Asked) -> Iterator[Row]:
    if asked.programme.plans:
        _check_month(asked)
    issued, used, filled = Counter[str](), Counter[str](), Counter[str]()
    whole: dict[AccountId, bool] = {}
    for by, account, is_used in _issues(store, asked):
        if account not in whole:
            whole[account] = not asked.lacking(store, account, Profile())
        issued[by] += 1
        used[by] += is_used
        filled[by] += whole[account]
    receipts = defaultdict(lambda: (0, 0, 0, 0), _receipts(store, asked))
    for cashier in sorted({*issued, *receipts} - {""}):
        counts = (issued[cashier], used[cashier], filled[cashier])
        yield _row(cashier, counts, receipts[cashier], _plan(store, asked, cashier))


def _row(
    cashier: str, counts: tuple[int, int, int], receipts: Receipts, plan: StaffPlan | None
) -> Row:
    issued, used, filled = counts
    with_card, net_with, without, net_without = receipts
    filled_bp = ratio(BASIS_POINTS * filled, issued)
    share_bp = ratio(BASIS_POINTS * with_card, with_card + without)
    done = (used, share_bp or 0, filled_bp or 0)
    targets: tuple[int | None, ...] = (None, None, None)
    reward = bonus = None
    if plan is not None:
        wanted = (plan.cards_used, plan.card_share, plan.questionnaires)
        pairs = zip(done, wanted, strict=True)
        targets = tuple(ratio(BASIS_POINTS * count, target) for count, target in pairs)
        earned, bonus = plan.reward(*done)
        reward = earned + bonus
    averages = ratio(net_with, with_card), ratio(net_without, without)
    figures = (issued, used, filled, filled_bp, with_card, with_card + without, share_bp)
    return (cashier, *figures, *averages, *targets, bonus, reward)


STAFF = Report(
    name="staff",
    title="What cashiers have done for the programme, and their plans",
    columns=(
        Column("cashier", Kind.TEXT),
        Column("issued", Kind.COUNT, summed=True),
        Column("used", Kind.COUNT, summed=True),
        Column("filled", Kind.COUNT, summed=True),
        Column("filled_bp", Kind.BP),
        Column("with_card", Kind.COUNT, summed=True),
        Column("receipts", Kind.COUNT, summed=True),
        Column("card_share_bp", Kind.BP),
        Column("average_with_card", Kind.MONEY),
        Column("average_without", Kind.MONEY),
        Column("cards_target_bp", Kind.BP),
        Column("share_target_bp", Kind.BP),
        Column("filled_target_bp", Kind.BP),
        Column("bonus", Kind.MONEY, summed=True),
        Column("reward", Kind.MONEY, summed=True),
    ),
    sort="cashier",
    takes=frozenset({"store", "cashier"}),
    made=_made,
)
