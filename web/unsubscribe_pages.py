"""Ending messages: the page of the link that stands in them."""

from typing import Protocol

from aiohttp import web

from daemon.mailing.unsubscribing import TOKEN_PATTERN
from web.pages import page


class Unsubscriber(Protocol):
    """The shop's side of it, see ``daemon.mailing.unsubscribing``."""

    def channel_of(self, token: str) -> str:
        """Return the channel that a token ends, or "" where it is none of this shop's."""
        ...

    async def end(self, token: str) -> str:
        """End the messages; return the channel, or "". Raises: RefusedError."""
        ...


class UnsubscribePages:
    """``/u/<token>``. Opening it changes nothing, because scanners of mail open every link."""

    def __init__(self, desk: Unsubscriber) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses these pages answer."""
        address = f"/u/{{token:{TOKEN_PATTERN}}}"
        return [web.get(address, self.show), web.post(address, self.end)]

    async def show(self, request: web.Request) -> web.Response:
        """Show what the button would end; 404 for an address that the shop has not made."""
        return _shown(request, self._desk.channel_of(request.match_info["token"]), ended=False)

    async def end(self, request: web.Request) -> web.Response:
        """End the messages, from the page or at one click in a mail program (RFC 8058)."""
        return _shown(request, await self._desk.end(request.match_info["token"]), ended=True)


def _shown(request: web.Request, channel: str, *, ended: bool) -> web.Response:
    if not channel:
        raise web.HTTPNotFound
    sentence = f"unsubscribe.{'ended' if ended else 'lead'}.{channel}"
    return page(request, "unsubscribe.html", sentence=sentence, ended=ended)
