"""Changing the few settings of a status: the programme's text with them, checked and activated."""

import asyncio
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from daemon.base.approval import Approvable, Signed
from daemon.base.refusals import ParamError
from daemon.base.text_limits import RequestId, Text
from daemon.ledger.ledger import RequestKey
from daemon.programme.checks import check
from daemon.programme.club_settings import ClubSettings, with_settings
from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import Programme, load
from daemon.programme.syntax import SPAN_DAYS_MAX
from daemon.shop.programme_versions import Activated
from daemon.shop.shop import Shop

Amount = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
WindowDays = Annotated[int, msgspec.Meta(ge=1, le=SPAN_DAYS_MAX)]
PERCENT_PLACES = 2
REASON = "club.settings"
"""In the history of programmes: only values of the club are others."""


class SettingsTerms(Approvable, frozen=True, kw_only=True):
    """What is to change; what is not named stays. Amounts are minor units (or visits …).

    percent: what members get, as the programme writes it: 7, or "7.5".
    """

    request_id: RequestId
    status: Text
    percent: Decimal | None = None
    enter_amount: Amount | None = None
    enter_days: WindowDays | None = None
    keep_amount: Amount | None = None
    keep_days: WindowDays | None = None
    decide: Literal["owner", "auto"] | None = None
    by: Text = ""

    def __post_init__(self) -> None:
        percent = self.percent
        if percent is None:
            return
        if not percent.is_finite() or not 0 <= percent <= 100:
            raise ValueError("percent: write a percentage from 0 to 100")
        if percent != round(percent, PERCENT_PLACES):
            raise ValueError("percent: has at most two places")


class SettingDoubt(msgspec.Struct, frozen=True):
    """What `programme.check` would warn of."""

    path: str
    message: str


class SettingsDone(msgspec.Struct, frozen=True, kw_only=True):
    """The programme in force with them; warnings are told once, not when it is sent again."""

    programme: str
    version: str
    at: str
    warnings: tuple[SettingDoubt, ...]
    replayed: bool


class ClubSetting:
    """Edits the programme in force; one that is to come is left as it is."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def change(self, key: RequestKey, terms: SettingsTerms, signed: Signed) -> SettingsDone:
        """Put the values into the text, and activate it now. Raises ParamError."""
        stored, _ = await self._shop.ledger.stored_answer(key)
        if stored is not None:
            return _done(stored)
        settings = ClubSettings(
            percent=terms.percent,
            enter_amount=terms.enter_amount,
            enter_days=terms.enter_days,
            keep_amount=terms.keep_amount,
            keep_days=terms.keep_days,
            decide=terms.decide,
        )
        text = self._shop.programme.text
        try:
            made = await asyncio.to_thread(_made, text, terms.status, settings)
        except ProgrammeError as error:
            raise ParamError(error.path, error.message) from error
        answer = await self._shop.versions.activate(key, made, None, signed, REASON)
        doubts = check(made, self._shop.today())
        return _done(answer, tuple(SettingDoubt(one.path, one.message) for one in doubts))


def _done(answer: msgspec.Raw, warnings: tuple[SettingDoubt, ...] = ()) -> SettingsDone:
    activated = msgspec.json.decode(answer, type=Activated)
    return SettingsDone(
        programme=activated.programme,
        version=activated.version,
        at=activated.at,
        warnings=warnings,
        replayed=activated.replayed,
    )


def _made(text: str, status: str, settings: ClubSettings) -> Programme:
    return load(with_settings(text, status, settings))
