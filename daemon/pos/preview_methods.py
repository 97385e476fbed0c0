"""The methods about programmes beside the one in force: tried on past sales, and older ones."""

from daemon.base.refusals import ErrorCode
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.shop.preview import Previewed, Previews, PreviewTerms
from daemon.shop.programme_history import (
    History,
    HistoryTerms,
    ProgrammeHistory,
    VersionTerms,
    VersionTold,
)


class PreviewMethods:
    """The handlers: each translates parameters into a call, and nothing more."""

    def __init__(self, previews: Previews, history: ProgrammeHistory) -> None:
        self._previews = previews
        self._history = history

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        refusals = (ErrorCode.BUSY, ErrorCode.TIMEOUT)
        return {
            "programme.preview": Method(
                PreviewTerms, self.preview, Role.ADMIN, Previewed, refusals, unkept=("text",)
            ),
            "programme.history": Method(HistoryTerms, self.history, Role.ADMIN, History),
            "programme.version": Method(VersionTerms, self.version, Role.ADMIN, VersionTold),
        }

    async def preview(self, session: Session, params: PreviewTerms) -> Previewed:
        """Price the sales of a period again under another programme."""
        return await self._previews.preview(params)

    async def history(self, session: Session, params: HistoryTerms) -> History:
        """Tell which programmes were brought in force."""
        return await self._history.history(params)

    async def version(self, session: Session, params: VersionTerms) -> VersionTold:
        """Tell the text of a programme that was in force, and what is different in it."""
        return await self._history.version(params)
