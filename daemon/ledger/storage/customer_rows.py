"""The rows that say who customers are, and what they have allowed: as ``rows``, one struct a table.

All but consents and questionnaires can be erased: the ledger names accounts, and these the people.
"""

import msgspec

from daemon.base.ids import AccountId, LedgerId


class QuestionnaireRow(msgspec.Struct, frozen=True):
    """A questionnaire that was activated ``at`` (RFC 3339); the one with the greatest number holds.

    version: a hash of what ``text`` says. operator: who activated it.
    """

    number: int
    version: str
    text: str
    at: str
    operator: str


class ConsentRow(msgspec.Struct, frozen=True):
    """What an account has said last to a purpose by a channel, or by none: "".

    given:        1, or 0 where it was refused or taken back.
    at:           when it was said, RFC 3339.
    source:       ``form till console import unsubscribe bounce``. operator: who wrote it down.
    text_version: the questionnaire whose words were agreed to; language: in which language.
    """

    account: AccountId
    purpose: str
    channel: str
    given: int
    at: str
    source: str
    operator: str
    text_version: str
    language: str


class CustomerKeyRow(msgspec.Struct, frozen=True):
    """By what a customer is found: ``phone`` (digits, last one first), ``email``, ``word``."""

    kind: str
    value: str
    account: AccountId


class CustomerPrivateRow(msgspec.Struct, frozen=True):
    """Answers to sensitive questions, JSON; nothing but the dossier reads them."""

    account: AccountId
    answers: bytes


class PhotoRow(msgspec.Struct, frozen=True):
    """A customer's ``photo`` or sample of the ``signature``, a small JPEG. at: RFC 3339.

    Erasing a person deletes the rows of each account of theirs (``everyone_in``).
    """

    account: AccountId
    kind: str
    at: str
    image: bytes


class MergedRow(msgspec.Struct, frozen=True):
    """An account whose customer is another's, too: ``dropped`` was merged into ``kept``.

    ledger_id, seq: the entry that moved everything; at: when, RFC 3339.
    """

    dropped: AccountId
    kept: AccountId
    ledger_id: LedgerId
    seq: int
    at: str
