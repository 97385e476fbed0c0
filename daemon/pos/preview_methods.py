"""The method that says what a programme would have made of past sales."""

from daemon.base.refusals import ErrorCode
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.shop.preview import Previewed, Previews, PreviewTerms


class PreviewMethods:
    """The handler: it translates parameters into a call, and nothing more."""

    def __init__(self, previews: Previews) -> None:
        self._previews = previews

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        refusals = (ErrorCode.BUSY, ErrorCode.TIMEOUT)
        return {
            "programme.preview": Method(
                PreviewTerms, self.preview, Role.ADMIN, Previewed, refusals, unkept=("text",)
            )
        }

    async def preview(self, session: Session, params: PreviewTerms) -> Previewed:
        """Price the sales of a period again under another programme."""
        return await self._previews.preview(params)
