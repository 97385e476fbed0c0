"""Codes that the shop issues by itself, for flyers and letters; and what became of one."""

from datetime import date
from typing import Annotated, Literal, TypeAlias

import msgspec

from card_formats.code_text import normal_code
from daemon.accounts.cards import Cards
from daemon.accounts.drawn_codes import draw_code
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.ids import NO_ACCOUNT, AccountId, SaleId, given_id, scoped
from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import Code, RequestId, Text, read_day
from daemon.ledger.entries import FOREVER, Entry
from daemon.ledger.ledger import RequestKey
from daemon.ledger.sale_answers import IssuedCode
from daemon.ledger.storage.queries import CODE
from daemon.ledger.storage.rows import CodeRow
from daemon.ledger.storage.store import Change, Store, View
from daemon.programme import codes
from daemon.shop.shop import Shop

CODES_A_CALL_MAX = 1_000
Day = Annotated[
    str,
    msgspec.Meta(
        max_length=len("2026-12-31"),
        pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$(?!\n)",
        description="must be a day such as 2026-12-31",
    ),
]
CodeState: TypeAlias = Literal["good", "used_up", "expired", "not_yet", "taken_back"]


class IssueCodesTerms(Approvable, frozen=True, kw_only=True):
    """``count`` codes of a campaign that the programme's rules name.

    uses: sales that may use one; as the rules say (once) where it is 0.
    card: the only card that may use them. first, until: local days, both included, or "".
    """

    request_id: RequestId
    campaign: Code
    count: Annotated[int, msgspec.Meta(ge=1, le=CODES_A_CALL_MAX)] = 1
    uses: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    card: Text = ""
    first: Day = ""
    until: Day = ""
    by: Text = ""
    reason: Text = ""


class CodesIssued(msgspec.Struct, frozen=True, kw_only=True):
    """The codes, to be printed or sent."""

    codes: tuple[IssuedCode, ...]
    replayed: bool = False


class ShowCodeTerms(Params, frozen=True):
    """A code."""

    code: Code


class CodeShown(msgspec.Struct, frozen=True, kw_only=True):
    """An issued code: ``used`` of its ``uses``; ``ref`` is the sale or request that issued it.

    used: holds count too, until they are void or run out.
    """

    code: str
    campaign: str
    state: CodeState
    uses: int
    used: int
    first: str
    until: str
    account: AccountId
    ref: str


class IssuedCodes:
    """Issues codes and shows them."""

    def __init__(self, shop: Shop, cards: Cards) -> None:
        self._shop = shop
        self._cards = cards

    async def issue(
        self, key: RequestKey, terms: IssueCodesTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Issue codes, once. Raises RefusedError CODE_UNKNOWN for a campaign without a rule."""
        programme, (_, at, day) = self._shop.programme, self._shop.moment()
        today = day.toordinal()
        first_day = read_day(terms.first, "first").toordinal() if terms.first else today
        last_day = read_day(terms.until, "until").toordinal() if terms.until else FOREVER
        if last_day < max(first_day, today):
            raise ParamError("until", f"{terms.until} is over before the codes are good")

        def job(store: Store, view: View) -> tuple[Change, CodesIssued]:
            if not codes.is_named(programme, terms.campaign):
                raise RefusedError(
                    ErrorCode.CODE_UNKNOWN, f"No rule names the campaign {terms.campaign!r}."
                )
            most = codes.most_uses(programme, terms.campaign)
            if most is not None and terms.uses > most:
                raise ParamError("uses", f"is above {most}, which the rule lets a code be used")
            account = self._cards.find(store, terms.card).account if terms.card else NO_ACCOUNT
            rows = tuple(
                CodeRow(
                    code=normal_code(draw_code()),
                    campaign=normal_code(terms.campaign),
                    account=account,
                    ref=scoped(self._shop.ledger.ledger_id, terms.request_id),
                    first_day=first_day,
                    last_day=last_day,
                    uses=terms.uses or codes.uses_of(programme, terms.campaign),
                    state="good",
                )
                for _ in range(terms.count)
            )
            said = msgspec.structs.replace(terms, approval=None)
            entry = Entry(
                at=at,
                kind="codes",
                ref=terms.request_id,
                account=account,
                detail=msgspec.Raw(
                    msgspec.json.encode(
                        {"terms": said, "codes": [row.code for row in rows]} | signed.approved
                    )
                ),
            )
            answer = CodesIssued(codes=tuple(map(IssuedCode.of, rows)))
            return Change(entry=entry, rows=rows), answer

        return await self._shop.ledger.once(key, at, job)

    async def show(self, terms: ShowCodeTerms) -> CodeShown:
        """Show what became of a code. Raises RefusedError CODE_UNKNOWN."""
        today = self._shop.today().toordinal()

        def read(store: Store) -> CodeShown:
            row = store.ask_one(CODE, normal_code(terms.code))
            if row is None:
                raise RefusedError(ErrorCode.CODE_UNKNOWN, "No such code was issued here.")
            used = store.counters([row.counter]).get(row.counter, 0)
            return CodeShown(
                code=row.code.upper(),
                campaign=row.campaign,
                state=state_of(row, used, today),
                uses=row.uses,
                used=min(used, row.uses),
                first=str(date.fromordinal(row.first_day)),
                until="" if row.last_day == FOREVER else str(date.fromordinal(row.last_day)),
                account=row.account,
                ref=given_id(SaleId(row.ref)),
            )

        return await self._shop.ledger.read(read)


def state_of(row: CodeRow, used: int, today: int) -> CodeState:
    """Say whether a code is good today, a local day's ordinal, or what keeps it from being used."""
    if not row.is_good:
        return "taken_back"
    if used >= row.uses:
        return "used_up"
    if today > row.last_day:
        return "expired"
    return "not_yet" if today < row.first_day else "good"
