"""Codes that are shown at the till: a word of the programme, an issued code, or a gift card."""

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from card_formats import registry
from card_formats.code_text import normal_code
from card_formats.credential import Medium, Shown, Trust
from card_formats.errors import BankCardError, CardFormatError
from card_formats.number_ranges import NumberRange
from daemon.accounts.cards import refuse_unusable
from daemon.accounts.drawn_codes import draw_code
from daemon.base.ids import NO_ACCOUNT, AccountId, SaleId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.entries import FOREVER
from daemon.ledger.storage.friend_queries import INVITE
from daemon.ledger.storage.friend_rows import InviteRow
from daemon.ledger.storage.queries import CAMPAIGN, CARD_BY_IDENTIFIER, CODE
from daemon.ledger.storage.rows import CardRow, CodeRow
from daemon.ledger.storage.store import Store
from daemon.programme import codes
from daemon.programme.basket import Fact
from daemon.programme.names import code_fact, gift_fact, gift_purse, uses_fact
from daemon.programme.programme import Programme
from daemon.programme.quote import Quote

GIFT = "gift"
"""The kind of card whose number pays as a code: whoever knows it may spend it."""


class ShownCodes(msgspec.Struct, frozen=True):
    """What is known of the codes on one sale.

    facts: ``code.<CODE>`` (its campaign), ``uses.<CODE>`` (how many sales may use it),
           ``gift.<purse>`` (what the gift cards can pay from it).
    gifts: the accounts of gift cards, by code.
    invite: the code of a friend, where one was shown, as it was shown.
    """

    facts: dict[str, Fact]
    gifts: dict[str, AccountId]
    invite: InviteRow | None = None


def number(facts: Mapping[str, Fact], name: str) -> int:
    """Return a counted fact, or 0 where there is none."""
    value = facts.get(name)
    return value if isinstance(value, int) else 0


def look_up(
    store: Store,
    programme: Programme,
    shown: Iterable[str],
    account: AccountId,
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
    gifts: dict[str, AccountId] = {}
    invite: InviteRow | None = None
    for code in shown:
        if issued := store.ask(CODE, normal_code(code)):
            check_usable(store, issued[0], code, account, today)
            facts[code_fact(code)] = issued[0].campaign
            facts[uses_fact(code)] = issued[0].uses
        elif invited := store.ask_one(INVITE, normal_code(code)):
            first = invite or msgspec.structs.replace(invited, code=code)
            is_one = first.account == invited.account
            invite = first if is_one else msgspec.structs.replace(first, account=NO_ACCOUNT)
        elif not _is_word(store, programme, code):
            card = _gift_card(store, code, ranges)
            refuse_unusable(card, now)
            gifts[code] = card.account
    for payer in dict.fromkeys(gifts.values()):
        for purse, state in store.purses(payer).items():
            available = max(0, state.available(today.toordinal()))
            fact = gift_fact(purse)
            facts[fact] = number(facts, fact) + available
    if gifts and not any(gift_purse(name) and facts[name] for name in facts):
        raise RefusedError(ErrorCode.CODE_USED_UP, "Nothing is left on this gift card.")
    return ShownCodes(facts, gifts, invite)


def check_usable(store: Store, row: CodeRow, code: str, account: AccountId, today: date) -> None:
    """Refuse an issued code that cannot be used by ``account`` today, with the reason."""
    if not row.is_good:
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


def _refused(error: ErrorCode, code: str, why: str) -> RefusedError:
    return RefusedError(error, f"The code {code} {why}.", extra={"code": code})


def _is_word(store: Store, programme: Programme, code: str) -> bool:
    """Whether a rule names this very code. A campaign's name is no code: it was never issued."""
    is_word = codes.is_named(programme, code) and not codes.is_issued(programme, code)
    return is_word and not store.ask(CAMPAIGN, normal_code(code))


def _gift_card(store: Store, code: str, ranges: tuple[NumberRange, ...]) -> CardRow:
    try:
        read = registry.decode(Shown(Medium.TYPED, code.encode()))
        credential = registry.recognise(read, ranges)
    except BankCardError:  # what the till is told must not say the code
        raise RefusedError(
            ErrorCode.CODE_UNKNOWN, "This is a bank card's number, not a code."
        ) from None
    except CardFormatError:
        card = None
    else:
        # A live code is a phone's own card, and never the number of a gift card.
        is_live = credential.trust is Trust.ROTATING
        who = (credential.scheme, credential.value)
        card = None if is_live else store.ask_one(CARD_BY_IDENTIFIER, *who)
    if card is None or card.kind != GIFT:
        raise _refused(ErrorCode.CODE_UNKNOWN, code, "is not known here")
    return card


def issue(programme: Programme, quote: Quote, sale_id: SaleId, today: int) -> tuple[CodeRow, ...]:
    """Return the codes that a sale hands out."""
    return tuple(
        CodeRow(
            code=normal_code(draw_code()),
            campaign=new.campaign,
            account=NO_ACCOUNT,
            ref=sale_id,
            first_day=today,
            last_day=FOREVER if new.last_day is None else new.last_day.toordinal(),
            uses=new.uses,
            state="good",
        )
        for new in codes.issue(programme, quote)
        for _ in range(new.count)
    )
