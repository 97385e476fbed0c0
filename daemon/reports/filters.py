"""The filters of reports. All hold together; of a list, any of it.

Three kinds, by what they look at; ``chosen`` says each as SQL:

    of sales      store, terminal, cashier, issuer, hour, weekday, flag, partner, employee
    of customers  tag, status, card_kind, language, answer, consent, segment, standing, dormant, ...
    of rows       purchases, net, discount: what the period brought the row to
"""

import re
from datetime import date, timedelta
from typing import Annotated, Literal

import msgspec

from daemon.base.params import Params
from daemon.base.refusals import ParamError
from daemon.base.text_limits import Text, check_tables, read_day

LISTED_MAX = 100
"""Values of one filter."""
BOUND_MAX = 10**18
"""Of money, shares and counts: what every database can compare."""
_DAYS_BACK = re.compile(r"([0-9]{1,5})d")
Texts = Annotated[tuple[Text, ...], msgspec.Meta(max_length=LISTED_MAX)]
QUESTIONS_MAX = 40
Answers = Annotated[
    dict[str, Annotated[tuple[Text, ...], msgspec.Meta(min_length=1, max_length=LISTED_MAX)]],
    msgspec.Meta(max_length=QUESTIONS_MAX),
]
Bound = Annotated[int, msgspec.Meta(ge=-BOUND_MAX, le=BOUND_MAX)]
Hour = Annotated[int, msgspec.Meta(ge=0, le=23)]
Weekday = Annotated[int, msgspec.Meta(ge=1, le=7)]
FlagName = Literal["override", "typed", "asked", "flag", "code", "from_hold", "chip", "phone_code"]
SegmentName = Literal[
    "champions",
    "loyal",
    "spenders",
    "new",
    "promising",
    "fading",
    "at_risk",
    "asleep",
    "lost",
]  # fmt: skip


class Filters(Params, frozen=True, kw_only=True):
    """What somebody asks for; see the table in docs/pos-protocol.md.

    partner, employee: codes. status: ``club:member``. answer: values by a question's id.
    weekday:  1 is Monday. dormant_since: a day, or ``90d``: the day 90 days ago.
    net_from, net_to: minor units. discount, standing: basis points. All bounds are included.
    attribution: whose partner counts: of each ``sale``, or of the customer ``now``.
    """

    partner: Texts = ()
    employee: Texts = ()
    attribution: Literal["sale", "now"] = "sale"
    store: Texts = ()
    terminal: Texts = ()
    cashier: Texts = ()
    issuer: Texts = ()
    hour: Annotated[tuple[Hour, ...], msgspec.Meta(max_length=24)] = ()
    weekday: Annotated[tuple[Weekday, ...], msgspec.Meta(max_length=7)] = ()
    flag: Annotated[tuple[FlagName, ...], msgspec.Meta(max_length=LISTED_MAX)] = ()
    tag: Texts = ()
    status: Texts = ()
    card_kind: Texts = ()
    language: Texts = ()
    answer: Answers = msgspec.field(default_factory=dict)
    consent: Texts = ()
    segment: Annotated[tuple[SegmentName, ...], msgspec.Meta(max_length=LISTED_MAX)] = ()
    standing_from: Bound | None = None
    standing_to: Bound | None = None
    dormant_since: Text = ""
    joined_from: Text = ""
    joined_to: Text = ""
    min_purchases: Bound | None = None
    max_purchases: Bound | None = None
    net_from: Bound | None = None
    net_to: Bound | None = None
    discount_from: Bound | None = None
    discount_to: Bound | None = None

    def __post_init__(self) -> None:
        check_tables("filters.answer", self.answer)

    @property
    def named(self) -> frozenset[str]:
        """The filters that say something."""
        default = Filters()
        fields = self.__struct_fields__
        return frozenset(name for name in fields if getattr(self, name) != getattr(default, name))


IN_SUMS = frozenset({"partner", "employee", "attribution"})
"""Of sales, what sums of months know too; all others are read sale by sale."""
OF_SALES = IN_SUMS | {"store", "terminal", "cashier", "issuer", "hour", "weekday", "flag"}
OF_ROWS = frozenset(
    {"min_purchases", "max_purchases", "net_from", "net_to", "discount_from", "discount_to"}
)
OF_CUSTOMERS = frozenset(Filters.__struct_fields__) - OF_SALES - OF_ROWS


def day_said(text: str, today: date, path: str) -> date:
    """Return a day: YYYY-MM-DD, or ``90d`` for the day 90 before today. Raises ParamError."""
    back = _DAYS_BACK.fullmatch(text)
    if back is None:
        return read_day(text, path)
    try:
        return today - timedelta(days=int(back[1]))
    except OverflowError:
        raise ParamError(path, f"{text} is before there were days") from None
