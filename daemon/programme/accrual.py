"""What a paid basket earns and issues."""

from collections.abc import Sequence

import msgspec

from daemon.base.money import BASIS_POINTS, half_up, share_all
from daemon.programme.admission import Admitted, Explanation, admit
from daemon.programme.days import later
from daemon.programme.discount import Discounts
from daemon.programme.errors import BasketError
from daemon.programme.payment import Payment
from daemon.programme.programme import Programme
from daemon.programme.quote import Earned, Issued, WhyNot
from daemon.programme.rule import Rule
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
    programme: Programme,
    situation: Situation,
    candidates: Sequence[tuple[Rule, list[int]]],
    discounts: Discounts,
    payment: Payment,
    notes: Explanation,
) -> Accruals:
    """Return what the basket earns, once it is known what is paid for each line."""
    result = Accruals([], [], [{} for _ in payment.left])
    bases = {"paid": payment.left, "net": discounts.net, "list": situation.goods.list_totals}
    sole = discounts.sole
    for rule, lines in candidates:
        if sole is not None and sole.silences_earning:
            notes.refused(rule, WhyNot(rule.id, "exclusive", f"{sole.id} stands alone"))
            continue
        account = _account(rule, situation, notes)
        if account is None:
            continue
        one = admit(rule, lines, situation, notes)
        if one is not None:
            shares = _sized(programme, one, bases[rule.give.of], situation)
            _note(one, account, shares, situation, result, notes)
    return result


def _account(rule: Rule, situation: Situation, notes: Explanation) -> str | None:
    """Return whose purse an earn goes to, "" for the card's own; None when there is nobody."""
    give = rule.give
    if give.kind == "earn" and not situation.account:
        notes.refused(rule, WhyNot(rule.id, "card.account", "needs a card"))
        return None
    if not give.whose:
        return ""
    account = str(situation.values.get(give.whose) or "")
    if not account:
        notes.refused(rule, WhyNot(rule.id, give.whose, "nobody stands behind this customer"))
        return None
    return account


def _sized(
    programme: Programme, one: Admitted, base: Sequence[int], situation: Situation
) -> list[int]:
    """Return what each picked line earns; the sum is rounded once, then shared."""
    give = one.rule.give
    weights = [base[i] if k == n else half_up(base[i] * k, n) for i, k, n in one.picks]
    match give.how:
        case "percent":
            worth = programme.purses[give.to].worth
            total = half_up(sum(weights) * one.value, BASIS_POINTS * worth)
        case "each":
            weights = [k for _, k, _ in one.picks]
            total = one.value * sum(weights)
        case _:
            total = one.value * (sum(weights) // give.every if give.every else 1)
    if give.most is not None:
        total = min(total, give.most.at(situation) or 0)
    most = ISSUED_MAX if give.kind == "issue" else EARNED_MAX
    if total > most:
        what = f"rule {one.rule.id} would give {total} {give.to}, at most {most}; sell it in parts"
        raise BasketError("lines", what)
    return share_all(total, weights)


def _note(
    one: Admitted,
    account: str,
    shares: Sequence[int],
    situation: Situation,
    result: Accruals,
    notes: Explanation,
) -> None:
    rule, give, total = one.rule, one.rule.give, sum(shares)
    if not total:
        notes.refused(rule, rule.nothing)
        return
    notes.applied(one)
    day = situation.day
    expires = later(day, give.expire_days).isoformat() if give.expire_days else ""
    if give.kind == "issue":
        result.issue.append(Issued(rule=rule.id, campaign=give.to, count=total, expires=expires))
        return
    entry = Earned(
        rule=rule.id,
        purse=give.to,
        amount=total,
        usable_from=later(day, give.hold_days).isoformat() if give.hold_days else "",
        expires=expires,
        text=rule.text or rule.gives(one.value),
        account=account,
    )
    result.earn.append(entry)
    for (i, _, _), share in zip(one.picks, shares, strict=True):
        if share:
            result.earned[i][entry.key] = result.earned[i].get(entry.key, 0) + share
