"""Giving a card to a phone: the link from the till, the first phone, and what a phone installs."""

from http import HTTPStatus
from pathlib import Path

import msgspec
from aiohttp import web

from daemon.shop.phone_card_views import TOKEN_PATTERN, LiveCard, PhoneCardService
from web.pages import SETTINGS, body_of, keep_cookie, link_picture, page
from web.phone.join_pages import CARD_COOKIE

WORKER = Path(__file__).parents[1] / "static" / "sw.js"


class PhonePages:
    """``/bind/<code>``, ``/c/<token>/phone`` and ``/renewal``; a card page's worker and manifest.

    Opening a link changes nothing, because messengers open links to preview them; the page's
    script sends it once the customer has tapped.
    """

    def __init__(self, desk: PhoneCardService) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses these pages answer."""
        token, code = f"/c/{{token:{TOKEN_PATTERN}}}", f"/bind/{{code:{TOKEN_PATTERN}}}"
        return [
            web.post(token + "/phone", self.bind_first),
            web.post(token + "/renewal", self.renew),
            web.get(token + "/app.webmanifest", self.manifest),
            web.get(code, self.show_link),
            web.post(code, self.accept),
            web.get(code + ".{image:svg|png}", self.draw_link),
            web.get("/sw.js", self.worker),
        ]

    async def bind_first(self, request: web.Request) -> web.Response:
        """Give the card to the phone that shows its page; 409 when another phone carries it."""
        live = await self._desk.bind_first(request.match_info["token"])
        if live is None:
            raise web.HTTPConflict
        response = _given(live)
        keep_cookie(request, response, CARD_COOKIE, live.token)
        return response

    async def renew(self, request: web.Request) -> web.Response:
        """Give the phone that carries the card its newest key; 409 without its proof."""
        proof = (await body_of(request)).decode("ascii", "replace")
        live = await self._desk.renew(request.match_info["token"], proof)
        if live is None:
            raise web.HTTPConflict
        return _given(live)

    async def show_link(self, request: web.Request) -> web.Response:
        """Show what the link would do; 404 when it was used or is too old."""
        if not await self._desk.is_offered(request.match_info["code"]):
            raise web.HTTPNotFound
        return page(request, "bind.html")

    async def draw_link(self, request: web.Request) -> web.Response:
        """Draw the link as a QR code, for the customer to scan at the till; 404 as it would be."""
        code = request.match_info["code"]
        if not await self._desk.is_offered(code):
            raise web.HTTPNotFound
        return await link_picture(request, f"/bind/{code}")

    async def accept(self, request: web.Request) -> web.Response:
        """Give the card of the link to the phone that opened it, once; then 404."""
        live = await self._desk.accept(request.match_info["code"])
        if live is None:
            raise web.HTTPNotFound
        response = _given(live)
        keep_cookie(request, response, CARD_COOKIE, live.token)
        return response

    async def manifest(self, request: web.Request) -> web.Response:
        """Describe the card page to a phone's home screen."""
        token = request.match_info["token"]
        name = request.app[SETTINGS].shop_name
        manifest = {
            "name": name,
            "short_name": name,
            "start_url": f"/c/{token}",
            "scope": "/",
            "display": "standalone",
            "background_color": "#f2f4f1",
            "theme_color": "#14503f",
            "icons": [{"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml"}],
        }
        body = msgspec.json.encode(manifest)
        return web.Response(body=body, content_type="application/manifest+json")

    async def worker(self, _request: web.Request) -> web.FileResponse:
        """Serve the service worker from the root, so that it may keep the card pages."""
        return web.FileResponse(WORKER, headers={"Content-Type": "text/javascript"})


def _given(live: LiveCard) -> web.Response:
    return web.Response(
        status=HTTPStatus.OK, body=msgspec.json.encode(live), content_type="application/json"
    )
