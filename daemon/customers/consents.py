"""What customers allow: a history of who said yes or no to what, never a flag. Pure.

Each time is an entry; the row of a purpose and a channel says what was said last, by the time at
which it was said: a form that is typed in late does not undo what was taken back since.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from daemon.accounts.cards import Said
from daemon.base.approval import UNSIGNED, Signed
from daemon.base.clock import rfc3339
from daemon.base.ids import AccountId
from daemon.base.refusals import ParamError
from daemon.customers.questionnaire import PERSONAL_DATA, Consent, Questionnaire
from daemon.ledger.entries import Entry
from daemon.ledger.storage.customer_rows import ConsentRow
from daemon.ledger.storage.store import Change


class ConsentError(ValueError):
    """There is no such consent, or no such channel. The text says which there are."""


def ticked(questionnaire: Questionnaire, words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return what was ticked, each as its purpose and a channel.

    words:  ``marketing:sms``, or ``marketing`` for all of its channels.
    Raises: ConsentError.
    """
    pairs = [pair for word in words for pair in _pairs(questionnaire, *word.partition(":")[::2])]
    return tuple(dict.fromkeys(pairs))


def channels(questionnaire: Questionnaire, purpose: str, channel: str) -> tuple[str, ...]:
    """Return the channels that are meant: the one that is named, or all of the purpose.

    Raises: ConsentError.
    """
    return tuple(one for _, one in _pairs(questionnaire, purpose, channel))


def _pairs(questionnaire: Questionnaire, purpose: str, channel: str) -> list[tuple[str, str]]:
    consent = questionnaire.consent(purpose)
    if consent is None:
        known = ", ".join(one.id for one in questionnaire.consents)
        raise ConsentError(f"there is no consent {purpose!r}; there is: {known}")
    if channel and channel not in consent.channels:
        raise ConsentError(f"{purpose} has no channel {channel!r}; {_known(consent)}")
    return [(purpose, one) for one in ((channel,) if channel else consent.by_channel)]


def _known(consent: Consent) -> str:
    return f"there is: {', '.join(consent.channels)}" if consent.channels else "leave it out"


def consent_change(
    row: ConsentRow, written_at: str, before: ConsentRow | None, signed: Signed = UNSIGNED
) -> Change:
    """Return what is written when something was said: its entry, and its row if it is newest.

    row:    what was said. written_at: when that is written down, RFC 3339.
    before: what was said last of this purpose and channel.
    """
    said = {
        "purpose": row.purpose,
        "channel": row.channel,
        "given": bool(row.given),
        "source": row.source,
        "by": row.operator,
        "text_version": row.text_version,
        "language": row.language,
        **signed.approved,
    }
    if row.at != written_at:
        said["said_at"] = row.at
    entry = Entry(
        at=written_at,
        kind="consent",
        ref=row.account,
        account=row.account,
        detail=msgspec.Raw(msgspec.json.encode(said)),
    )
    is_newest = before is None or before.at <= row.at
    return Change(entry=entry, rows=(row,) if is_newest else ())


def consent_row(
    account: AccountId,
    pair: tuple[str, str],
    said: Said,
    questionnaire: Questionnaire,
    *,
    given: bool = True,
) -> ConsentRow:
    """Return the row of a purpose and a channel of which something was ``said``."""
    purpose, channel = pair
    return ConsentRow(
        account=account,
        purpose=purpose,
        channel=channel,
        given=int(given),
        at=said.at,
        source=said.source,
        operator=said.by,
        text_version=questionnaire.version,
        language=said.language,
    )


def may_keep(rows: Iterable[ConsentRow]) -> bool:
    """Whether the newest word on keeping what was answered is a yes."""
    return any(row.purpose == PERSONAL_DATA and row.given for row in rows)


def moment_said(text: str, now: str, path: str) -> str:
    """Return when something was said, RFC 3339; ``now`` where nothing says when.

    Raises: ParamError for no time, and for one that is still to come.
    """
    if not text:
        return now
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        then = None
    if then is None or then.tzinfo is None:
        raise ParamError(path, "is no time with an offset; write 2026-12-01T10:00:00+02:00")
    try:
        said = rfc3339(then)
    except OverflowError:
        raise ParamError(path, "is no time that a calendar has") from None
    if said > now:
        raise ParamError(path, "is still to come")
    return said
