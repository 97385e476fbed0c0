"""Codes that are shown at the till: a word of the programme, an issued code, or a gift card."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from card_formats import registry
from card_formats.credential import Medium, Shown, Trust
from card_formats.errors import BankCardError, CardFormatError
from card_formats.number_ranges import NumberRange
from daemon.accounts.cards import refuse_unusable
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.entries import FOREVER
from daemon.ledger.storage.rows import CAMPAIGN, CODE, CodeRow
from daemon.ledger.storage.store import CardRow, Store
from daemon.programme.basket import Fact
from daemon.programme.benefits.benefit import Handout, Redemption
from daemon.programme.programme import Programme
from daemon.programme.quote import Quote, Use
from daemon.programme.rule import Rule

GIFT = "gift"
"""The kind of card whose number pays as a code: whoever knows it may spend it."""
CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_CHARS = 12
"""12 of 31 letters, none like another: 59 bits that nobody guesses."""


class ShownCodes(msgspec.Struct, frozen=True):
    """What is known of the codes on one sale.

    facts: ``code.<CODE>`` (its campaign), ``uses.<CODE>`` (how many sales may use it),
           ``gift.<purse>`` (what the gift cards can pay from it).
    gifts: the accounts of gift cards, by code.
    """

    facts: dict[str, Fact]
    gifts: dict[str, str]


def number(facts: Mapping[str, Fact], name: str) -> int:
    """Return a counted fact, or 0 where there is none."""
    value = facts.get(name)
    return value if isinstance(value, int) else 0


def draw_code() -> str:
    """Return a random code; that somebody has it already is practically impossible."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_CHARS))


def look_up(
    store: Store,
    programme: Programme,
    codes: Iterable[str],
    account: str,
    now: str,
    today: date,
    ranges: tuple[NumberRange, ...],
) -> ShownCodes:
    """Say what each code is.

    now: RFC 3339, UTC; today: the same moment's local day.
    Raises: RefusedError CODE_UNKNOWN, CODE_USED_UP, CODE_EXPIRED, LIMIT_REACHED for a code of
            another card; CARD_BLOCKED for a gift card.
    """
    facts: dict[str, Fact] = {}
    gifts: dict[str, str] = {}
    for code in codes:
        if issued := store.ask(CODE, code.casefold()):
            check_usable(store, issued[0], code, account, today)
            facts[f"code.{code}"] = issued[0].campaign
            facts[f"uses.{code}"] = issued[0].uses
        elif not _is_word(store, programme, code):
            card = _gift_card(store, code, ranges)
            refuse_unusable(card, now)
            gifts[code] = card.account
    for payer in dict.fromkeys(gifts.values()):
        for purse, state in store.purses(payer).items():
            available = max(0, state.available(today.toordinal()))
            facts[f"gift.{purse}"] = number(facts, f"gift.{purse}") + available
    if gifts and not any(name.startswith("gift.") and facts[name] for name in facts):
        raise RefusedError(ErrorCode.CODE_USED_UP, "Nothing is left on this gift card.")
    return ShownCodes(facts, gifts)


def check_usable(store: Store, row: CodeRow, code: str, account: str, today: date) -> None:
    """Refuse an issued code that cannot be used by ``account`` today, with the reason."""
    if row.state != "good":
        raise _refused(ErrorCode.CODE_EXPIRED, code, "went back with the goods it came with")
    if store.counters([row.counter]).get(row.counter, 0) >= row.uses:
        raise _refused(ErrorCode.CODE_USED_UP, code, "has been used already")
    if today.toordinal() > row.last_day:
        ended = date.fromordinal(row.last_day)
        raise _refused(ErrorCode.CODE_EXPIRED, code, f"was good until {ended}")
    if today.toordinal() < row.first_day:
        begins = date.fromordinal(row.first_day)
        raise _refused(ErrorCode.CODE_EXPIRED, code, f"is not good before {begins}")
    if row.account not in ("", account):
        raise _refused(ErrorCode.LIMIT_REACHED, code, "is good with another customer's card only")


def _refused(code: ErrorCode, said: str, why: str) -> RefusedError:
    return RefusedError(code, f"The code {said} {why}.", extra={"code": said})


def _is_word(store: Store, programme: Programme, code: str) -> bool:
    """Whether a rule names this very code. A campaign's name is no code: it was never issued."""
    word = code.casefold()
    named = any(_names(rule, (word,)) for rule in programme.rules)
    issues = any(
        isinstance(rule.give, Handout) and rule.give.campaign.casefold() == word
        for rule in programme.rules
    )
    return named and not issues and not store.ask(CAMPAIGN, word)


def _gift_card(store: Store, code: str, ranges: tuple[NumberRange, ...]) -> CardRow:
    try:
        read = registry.decode(Shown(Medium.TYPED, code.encode()))
        credential = registry.recognise(read, ranges)
    except BankCardError:  # the refusal is stored: it must not say the code
        raise RefusedError(
            ErrorCode.CODE_UNKNOWN, "This is a bank card's number, not a code."
        ) from None
    except CardFormatError:
        card = None
    else:
        known = credential.trust is not Trust.ROTATING
        card = store.find_card(credential.scheme, credential.value) if known else None
    if card is None or card.kind != GIFT:
        raise _refused(ErrorCode.CODE_UNKNOWN, code, "is not known here")
    return card


def with_uses(
    programme: Programme, quote: Quote, codes: Iterable[str], values: dict[str, Fact]
) -> Quote:
    """Return the quote with the issued codes among its uses that its rules are due to."""
    applied = {applied.rule for line in quote.lines for applied in line.applied}
    applied |= {earned.rule for earned in quote.earn} | {issued.rule for issued in quote.issue}
    counters = {use.counter for use in quote.uses}
    shown = [code for code in codes if f"uses.{code}" in values]
    uses: dict[str, Use] = {}
    for rule in programme.rules:
        burns = isinstance(rule.give, Redemption) and rule.give.purse in quote.burn
        if not shown or (rule.id not in applied and not burns):
            continue
        mine = [c for c in shown if _names(rule, (c.casefold(), _campaign(values, c)))]
        # Of several such codes a rule takes one: that which its own limit counts, or the first.
        if rule.limit is not None and rule.limit.per_code is not None:
            mine = [code for code in mine if rule.limit.code_counter(code) in counters]
        for code in mine[:1]:
            counter, most = f"@code:{code.casefold()}", number(values, f"uses.{code}")
            back = rule.limit is not None and rule.limit.returnable
            uses.setdefault(counter, Use(counter, 1, most, rule.id, back))
    return msgspec.structs.replace(quote, uses=(*quote.uses, *uses.values()))


def _campaign(values: dict[str, Fact], code: str) -> str:
    return str(values[f"code.{code}"]).casefold()


def _names(rule: Rule, words: Iterable[str]) -> bool:
    return any(not condition.codes.isdisjoint(words) for condition in rule.conditions)


def is_named(programme: Programme, campaign: str) -> bool:
    """Whether a rule has the campaign among its conditions."""
    return any(_names(rule, (campaign.casefold(),)) for rule in programme.rules)


def uses_of(programme: Programme, campaign: str) -> int:
    """Return how many sales may use a code of a campaign: as its rules say, or one."""
    word = campaign.casefold()
    limits = [
        rule.limit.per_code for rule in programme.rules if rule.limit and _names(rule, (word,))
    ]
    return max([limit for limit in limits if limit], default=1)


def issue(programme: Programme, quote: Quote, sale_id: str, today: int) -> tuple[CodeRow, ...]:
    """Return the codes that a sale hands out."""
    return tuple(
        CodeRow(
            code=draw_code().casefold(),
            campaign=issued.campaign.casefold(),
            account="",
            ref=sale_id,
            first_day=today,
            last_day=date.fromisoformat(issued.expires).toordinal() if issued.expires else FOREVER,
            uses=uses_of(programme, issued.campaign),
            state="good",
        )
        for issued in quote.issue
        for _ in range(issued.count)
    )
