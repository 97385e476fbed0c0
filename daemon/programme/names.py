"""The names of facts, counters and shares: nothing else writes them as text.

A fact is what a condition may ask beside the basket (see `daemon.programme.basket.Facts`), a
counter is what a limit counts with in the ledger. Pure.
"""

import msgspec

from card_formats.code_text import normal_code
from daemon.base.ids import NO_ACCOUNT, AccountId

CARD = "card."
CARD_ACCOUNT = "card.account"
INVITE_FRIEND, INVITE_UNFIT = "invite.friend", "invite.unfit"
"""Whose code of a friend a sale has shown, or why it does not count; no rule asks for these."""
"""The account of the card that was shown; without a card there is no such fact."""
ANSWER = "card.answer."
"""How facts begin that are answers to questions of the shop's own: ``card.answer.for_whom``."""
CARD_LANGUAGE = "card.language"
"""The language that the customer reads; none where nobody knows."""
GIFT = "gift."
METER = "meter."
PURSE = "purse."
STATUS = "status."
_OWNER = "@"
_STAMPS = "@"
_CODE_COUNTER = "@code:"


def meter_fact(meter: str) -> str:
    """``meter.<id>``: what the card has in a meter."""
    return f"{METER}{meter}"


def purse_fact(purse: str) -> str:
    """``purse.<id>``: what the customer can pay with from a purse."""
    return f"{PURSE}{purse}"


def stamps_meter(rule: str) -> str:
    """``@<rule>``: the meter that keeps a card's stamps of a rule. No meter's id begins so."""
    return f"{_STAMPS}{rule}"


def counts_stamps(meter: str) -> bool:
    """Whether a meter keeps stamps."""
    return meter.startswith(_STAMPS)


def gift_fact(purse: str) -> str:
    """``gift.<purse>``: what the gift cards shown can pay with from a purse."""
    return f"{GIFT}{purse}"


def gift_purse(fact: str) -> str:
    """Return the purse of a fact ``gift.<purse>``, or "" for another fact."""
    return fact.removeprefix(GIFT) if fact.startswith(GIFT) else ""


def status_fact(status: str) -> str:
    """``status.<id>``: whether the card has a status."""
    return f"{STATUS}{status}"


def card_fact(name: str) -> str:
    """``card.<name>``: what is known of the card and of who holds it."""
    return f"{CARD}{name}"


def answer_fact(question: str) -> str:
    """``card.answer.<id>``: what the customer has answered to a question of the shop's own."""
    return f"{ANSWER}{question}"


REFERRER_PARTNER, REFERRER_EMPLOYEE = f"{CARD}referrer.partner", f"{CARD}referrer.employee"
REFERRER_DAYS = f"{CARD}referrer.days"
"""How many days ago the customer was first assigned to this partner."""
HAVE_CODES = (REFERRER_PARTNER, REFERRER_EMPLOYEE)
"""Facts that are accounts, and that rules may name by code as well."""


def code_of(fact: str) -> str:
    """``card.referrer.partner.code``: by which code a fact of HAVE_CODES is known."""
    return f"{fact}.code"


def code_fact(code: str) -> str:
    """``code.<CODE>``: the campaign of an issued code that was shown."""
    return f"code.{code}"


def uses_fact(code: str) -> str:
    """``uses.<CODE>``: how many sales may use an issued code that was shown."""
    return f"uses.{code}"


def used_fact(counter: str) -> str:
    """``used.<counter>``: how far a counter has come."""
    return f"used.{counter}"


def ask_fact(rule: str) -> str:
    """``ask.<rule>``: what the cashier asks a rule to give."""
    return f"ask.{rule}"


def reason_fact(rule: str) -> str:
    """``ask.<rule>.reason``: why the cashier asks."""
    return f"{ask_fact(rule)}.reason"


def rule_code_counter(rule: str, code: str) -> str:
    """``<rule>:code:<code>:life``: how often a rule was used with a code, in one spelling."""
    return f"{rule}:code:{normal_code(code)}:life"


def code_counter(code: str) -> str:
    """``@code:<code>``: how often an issued code was used at all. No rule's id begins so."""
    return f"{_CODE_COUNTER}{normal_code(code)}"


def worth_counter(counter: str) -> str:
    """``@worth:<code>``: what an issued code took off, in minor units; by its ``code_counter``."""
    return f"@worth:{counter.removeprefix(_CODE_COUNTER)}"


def counts_a_code(counter: str) -> bool:
    """Whether a counter counts the uses of a code, by a rule or at all."""
    return counter.startswith(_CODE_COUNTER) or ":code:" in counter


class OwnedPurse(msgspec.Struct, frozen=True):
    """A purse and whose it is: ``account`` is "" for the card's own.

    ``key`` is how shares of a sale name it: ``bonus``, or ``bonus@a7`` for another's. Ids of
    purses have no ``@``, so the first one divides.
    """

    purse: str
    account: AccountId = NO_ACCOUNT

    @property
    def key(self) -> str:
        """The name under which its shares are kept."""
        return f"{self.purse}{_OWNER}{self.account}" if self.account else self.purse

    @classmethod
    def of(cls, key: str) -> "OwnedPurse":
        """Read a ``key``."""
        purse, _, account = key.partition(_OWNER)
        return cls(purse, AccountId(account))
