"""What a paid basket earns and which codes it hands out."""

from collections.abc import Sequence

import msgspec

from daemon.base.ids import NO_ACCOUNT, AccountId
from daemon.base.money import half_up, share_all
from daemon.programme.benefits.benefit import Accrual, Counting, Handout
from daemon.programme.days import later
from daemon.programme.discount import Discounts
from daemon.programme.eligibility import EligibleRule, Explanation, check_eligible
from daemon.programme.errors import BasketError
from daemon.programme.names import CARD_ACCOUNT
from daemon.programme.payment import Payment
from daemon.programme.quote import Earned, Issued, WhyNot
from daemon.programme.rule import Candidates, Rule
from daemon.programme.situation import Situation

EARNED_MAX = 1_000_000_000_000
"""What one rule may earn in a sale, in the purse's unit."""
ISSUED_MAX = 1_000
"""How many codes one rule may issue in a sale."""


class Accruals(msgspec.Struct):
    """Entries for the purses, codes to issue; and per line what it earned, by purse."""

    earn: list[Earned]
    issue: list[Issued]
    earned: list[dict[str, int]]


def accrue(
    situation: Situation,
    earning: Candidates[Accrual],
    issuing: Candidates[Handout],
    discounts: Discounts,
    payment: Payment,
    explanation: Explanation,
) -> Accruals:
    """Return what the basket earns, once it is known what is paid for each line."""
    result = Accruals([], [], [{} for _ in payment.left])
    bases = {"paid": payment.left, "net": discounts.net, "list": situation.goods.list_totals}
    for rule, give, lines in earning:
        if _is_silenced(rule, discounts, explanation):
            continue
        account = _account(rule, give, situation, explanation)
        if account is None:
            continue
        eligible = check_eligible(rule, lines, situation, explanation)
        if eligible is not None:
            base, most = bases[give.base], EARNED_MAX
            shares = _shares(eligible, give.count, base, situation, give.purse, most)
            if _gives(eligible, shares, explanation):
                _earn(eligible, give, account, shares, situation, explanation, result)
    for rule, handout, lines in issuing:
        if _is_silenced(rule, discounts, explanation):
            continue
        eligible = check_eligible(rule, lines, situation, explanation)
        if eligible is not None:
            paid, most = payment.left, ISSUED_MAX
            shares = _shares(eligible, handout.count, paid, situation, handout.campaign, most)
            if _gives(eligible, shares, explanation):
                result.issue.append(_issued(rule, handout, sum(shares), situation))
    return result


def _is_silenced(rule: Rule, discounts: Discounts, explanation: Explanation) -> bool:
    """Whether an ``exclusive = "all"`` rule stands alone, and note it."""
    sole = discounts.sole
    if sole is None or not sole.silences_earning:
        return False
    explanation.refused(rule, WhyNot(rule.id, "exclusive", f"{sole.id} stands alone"))
    return True


def _account(
    rule: Rule, give: Accrual, situation: Situation, explanation: Explanation
) -> AccountId | None:
    """Return whose purse an accrual goes to, "" for the card's own; None when there is nobody."""
    if not situation.account:
        explanation.refused(rule, WhyNot(rule.id, CARD_ACCOUNT, "needs a card"))
        return None
    if not give.whose:
        return NO_ACCOUNT
    account = AccountId(str(situation.values.get(give.whose) or ""))
    if not account:
        explanation.refused(rule, WhyNot(rule.id, give.whose, "nobody stands behind this customer"))
        return None
    return account


def _shares(
    eligible: EligibleRule,
    count: Counting,
    base: Sequence[int],
    situation: Situation,
    target: str,
    total_max: int,
) -> list[int]:
    """Return what each picked line earns; the sum is rounded once, then shared.

    Raises: BasketError for more than ``total_max`` of ``target``, unless it is cut to that.
    """
    weights = [base[i] if k == n else half_up(base[i] * k, n) for i, k, n in eligible.picked]
    total, weights_of_lines = count(eligible.value, weights, eligible.picked)
    most = eligible.rule.give.most
    if most is not None:
        total = min(total, most.at(situation) or 0)
    if total > total_max and situation.cuts:
        total = total_max
    if total > total_max:
        problem = f"rule {eligible.rule.id} would give {total} {target}, at most {total_max}"
        raise BasketError("lines", f"{problem}; sell it in parts")
    return share_all(total, weights_of_lines)


def _gives(eligible: EligibleRule, shares: Sequence[int], explanation: Explanation) -> bool:
    """Whether anything is earned; note the rule as applied, or that it gives nothing here."""
    if any(shares):
        explanation.applied(eligible)
        return True
    explanation.refused(eligible.rule, eligible.rule.nothing)
    return False


def _earn(
    eligible: EligibleRule,
    give: Accrual,
    account: AccountId,
    shares: Sequence[int],
    situation: Situation,
    explanation: Explanation,
    result: Accruals,
) -> None:
    rule, day = eligible.rule, situation.day
    entry = Earned(
        rule=rule.id,
        purse=give.purse,
        amount=sum(shares),
        usable_from=later(day, give.hold_days).isoformat() if give.hold_days else "",
        expires=later(day, give.expire_days).isoformat() if give.expire_days else "",
        text=rule.text or give.text(eligible.value, explanation.programme.currency),
        account=account,
        by_line=_by_line(eligible, shares, len(result.earned)) if give.once else (),
    )
    result.earn.append(entry)
    key = entry.key
    for (i, _, _), share in zip(eligible.picked, shares, strict=True):
        if share:
            of_line = result.earned[i]
            of_line[key] = of_line.get(key, 0) + share


def _by_line(eligible: EligibleRule, shares: Sequence[int], lines: int) -> tuple[int, ...]:
    by_line = [0] * lines
    for (i, _, _), share in zip(eligible.picked, shares, strict=True):
        by_line[i] += share
    return tuple(by_line)


def _issued(rule: Rule, handout: Handout, count: int, situation: Situation) -> Issued:
    days = handout.expire_days
    expires = later(situation.day, days).isoformat() if days else ""
    return Issued(rule=rule.id, campaign=handout.campaign, count=count, expires=expires)
