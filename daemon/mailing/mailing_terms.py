"""What a client says of audiences and mailings, and what it hears."""

from typing import Annotated, Literal, TypeAlias

import msgspec

from daemon.base.approval import Approvable
from daemon.base.ids import AccountId
from daemon.base.params import Params
from daemon.base.text_limits import IdText, RequestId, SaidText, Text, WrittenText
from daemon.mailing.message_text import TEXT_CHARS_MAX
from daemon.reports.filters import Filters
from daemon.reports.mailing_effect import EFFECT_DAYS, EffectGroup

COST_MAX = 100_000_000
LISTED_MAX = 100
PEOPLE_PAGE = 500
EXPORTED_PAGE = 100
EFFECT_DAYS_MAX = 365
Channel: TypeAlias = Literal["sms", "viber", "email", "post"]
Reason: TypeAlias = Literal[
    "no_longer_a_customer",
    "no_consent",
    "no_contact",
    "bad_contact",
    "duplicate",
    "capped",
    "empty_value",
    "control",
    "ready",
]
_PAGE = Annotated[int, msgspec.Meta(ge=1, le=LISTED_MAX)]


class AudienceTerms(Approvable, frozen=True, kw_only=True):
    """Whom a report chooses: the customers of its rows.

    first, last: the period, as days or such as ``90d`` (the day 90 before today); "": today.
    everybody: of activity, also who has bought nothing.
    frozen:    whether the list is kept as it is now; else it is asked anew whenever it is used.
    """

    request_id: RequestId
    title: SaidText
    report: Text
    first: Text = msgspec.field(name="from", default="")
    last: Text = msgspec.field(name="to", default="")
    filters: Filters = Filters()
    everybody: bool = False
    frozen: bool = False
    by: Text = ""


class AudienceSaved(msgspec.Struct, frozen=True, kw_only=True):
    """Its number, and how many customers it is now."""

    audience: str
    count: int
    replayed: bool = False


class ListTerms(Params, frozen=True, kw_only=True):
    """A page, the newest first. ``after``: what the page before said is ``next``."""

    after: IdText = ""
    limit: _PAGE = LISTED_MAX


class ShownAudience(msgspec.Struct, frozen=True, kw_only=True):
    """One audience. ``count``: how many it was when it was saved."""

    audience: str
    title: str
    frozen: bool
    count: int
    made_at: str
    by: str
    report: str


class Audiences(msgspec.Struct, frozen=True, kw_only=True):
    """A page of them."""

    audiences: tuple[ShownAudience, ...]
    next: str


class TextTerms(Params, frozen=True, kw_only=True):
    """What is said in one language. ``subject``: of an e-mail."""

    text: Annotated[WrittenText, msgspec.Meta(max_length=TEXT_CHARS_MAX)]
    subject: Text = ""


class Texts(Params, frozen=True, kw_only=True):
    """What is said, by language: at least in one."""

    en: TextTerms | None = None
    uk: TextTerms | None = None

    @property
    def by_language(self) -> dict[str, TextTerms]:
        """Those that there are."""
        both = {"en": self.en, "uk": self.uk}
        return {language: said for language, said in both.items() if said is not None}


class DraftTerms(Approvable, frozen=True, kw_only=True):
    """A mailing that is written, or one of ``mailing`` that is written anew.

    cost: of a message, or a part of an SMS, in minor units. not_before: RFC 3339, or "".
    """

    request_id: RequestId
    mailing: IdText = ""
    channel: Channel
    audience: IdText
    texts: Texts
    control_percent: Annotated[int, msgspec.Meta(ge=0, le=99)] = 0
    cost: Annotated[int, msgspec.Meta(ge=0, le=COST_MAX)] = 0
    not_before: Text = ""
    by: SaidText


class ChangeTerms(Approvable, frozen=True, kw_only=True):
    """Which mailing, and who says so."""

    request_id: RequestId
    mailing: IdText
    by: SaidText


class StopTerms(ChangeTerms, frozen=True, kw_only=True):
    """Which mailing ends now, and why."""

    reason: SaidText


class ShowTerms(Params, frozen=True, kw_only=True):
    """A mailing."""

    mailing: IdText


class PeopleTerms(ShowTerms, frozen=True, kw_only=True):
    """Who of the audience stands at one reason, as it would be now. ``reader``: the operator."""

    named: Reason = msgspec.field(name="list")
    reader: Text = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=PEOPLE_PAGE)] = 100


class PreviewTerms(ShowTerms, frozen=True, kw_only=True):
    """For whom a text is filled; "" is whoever had the longest one when it was checked."""

    account: IdText = ""


class ExportTerms(ChangeTerms, frozen=True, kw_only=True):
    """Which mailing is handed to somebody else's gateway, in whose format."""

    format: Literal["turbosms", "brevo", "yespo", "post", "plain"]


class ExportDone(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages are handed out."""

    mailing: str
    state: str
    count: int
    replayed: bool = False


class ExportedTerms(ShowTerms, frozen=True, kw_only=True):
    """The messages of an export, by account, behind one."""

    after: IdText = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=EXPORTED_PAGE)] = EXPORTED_PAGE


class ExportedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message: where it goes, what it says, and the values of its variables."""

    account: AccountId
    name: str
    contact: str
    subject: str
    text: str
    values: dict[str, str]


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A page of them. ``next``: what to ask behind, or "" behind the last.

    variables: of the texts, in order.
    """

    channel: str
    variables: tuple[str, ...]
    messages: tuple[ExportedMessage, ...]
    next: str


class EffectTerms(ShowTerms, frozen=True, kw_only=True):
    """What a mailing has brought within so many days of its beginning."""

    days: Annotated[int, msgspec.Meta(ge=1, le=EFFECT_DAYS_MAX)] = EFFECT_DAYS


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """Both groups, and their difference where both are large enough; else ``verdict`` says so."""

    mailing: str
    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    ready: EffectGroup
    control: EffectGroup
    share_difference_bp: int | None
    net_difference: int | None
    cost: int
    verdict: str


class StatusTerms(ShowTerms, frozen=True, kw_only=True):
    """How far a mailing is. beyond: answered when more messages than so many are done, or 5 s."""

    beyond: Annotated[int, msgspec.Meta(ge=-1, le=2**31)] = -1


class MailingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far a mailing is. ``messages``: how many are in each state, and in the control group.

    done: of ``count`` messages those that are not to be sent any more.
    """

    mailing: str
    state: str
    messages: dict[str, int]
    done: int
    count: int


class MailingDone(msgspec.Struct, frozen=True, kw_only=True):
    """A mailing and its state."""

    mailing: str
    state: str
    replayed: bool = False


class MailingChecked(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the audience stand at each reason; they add up to ``audience``.

    parts: messages that are paid for. cost: of all, in minor units.
    """

    mailing: str
    state: str
    audience: int
    counts: dict[str, int]
    parts: int
    cost: int
    replayed: bool = False


class ShownMailing(msgspec.Struct, frozen=True, kw_only=True):
    """One mailing. ``counts``, ``parts`` and ``cost`` are of its newest check."""

    mailing: str
    state: str
    channel: str
    audience: str
    texts: Texts
    control_percent: int
    cost_each: int
    not_before: str
    made_at: str
    by: str
    approved: tuple[str, ...]
    counts: dict[str, int]
    parts: int
    cost: int
    ends_at: str


class ListedMailing(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list. ``ready``: messages by the newest check."""

    mailing: str
    state: str
    channel: str
    audience: str
    made_at: str
    by: str
    ready: int


class Mailings(msgspec.Struct, frozen=True, kw_only=True):
    """A page of them."""

    mailings: tuple[ListedMailing, ...]
    next: str


class MailedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of an audience; the card is masked."""

    account: AccountId
    name: str
    card: str


class People(msgspec.Struct, frozen=True, kw_only=True):
    """The first of them. ``result``: by which `report.page` finds all, as account, name, card."""

    count: int
    people: tuple[MailedPerson, ...]
    result: str


class Previewed(msgspec.Struct, frozen=True, kw_only=True):
    """A text as one customer would get it.

    reason: how they would be counted by themselves. contact: where it would go.
    missing: variables that say nothing for them; they stand in the text as they are written.
    """

    account: AccountId
    reason: str
    contact: str
    language: str
    subject: str
    text: str
    missing: tuple[str, ...]
    parts: int
    cost: int
