"""The card: its page, the pictures of its code, and the shop's start page."""

import re
from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import web

from daemon.shop.phone_card_views import TOKEN_PATTERN, CardState, CardView, PhoneCardService
from web.pages import SETTINGS, keep_cookie, page, picture
from web.phone.code_images import CodeKind, ImageFormat, draw, is_drawable, modules_of
from web.phone.join_pages import CARD_COOKIE

TOKEN = re.compile(TOKEN_PATTERN)
LIVE_KINDS = [CodeKind.QR, CodeKind.CODE128]
OWN_WALLETS = {"iPhone": "apple", "Android": "google"}
HISTORY_LINES_MAX = 20  # older lines are not shown


class CardPages:
    """``/c/<token>`` and the codes under it; ``/`` leads a returning customer there."""

    def __init__(self, desk: PhoneCardService, wallets: Sequence[str]) -> None:
        self._desk = desk
        self._wallets = wallets

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses these pages answer; any other token than a right one is 404."""
        token = f"/c/{{token:{TOKEN_PATTERN}}}"
        return [
            web.get("/", self.front_door),
            web.get(token, self.show),
            web.get(token + "/code.{image:svg|png}", self.code),
        ]

    async def front_door(self, request: web.Request) -> web.Response:
        """Show the shop's name, the way to a new card, and the way back to one's own."""
        token = request.cookies.get(CARD_COOKIE, "")
        return page(request, "front_door.html", token=token if TOKEN.fullmatch(token) else "")

    async def show(self, request: web.Request) -> web.Response:
        """Show the card with one code, ``?kind=qr|code128|ean13``.

        An address that the card had before it moved to another phone says so, 410. A browser that
        it moved to within is led on, 303: a home screen goes on opening the address it was made of.
        """
        token, mine = request.match_info["token"], request.cookies.get(CARD_COOKIE, "")
        view = await self._desk.show(token)
        if view is None and await self._is_mine_now(token, mine):
            raise web.HTTPSeeOther(f"/c/{mine}")
        if view is None and await self._desk.has_moved(token):
            moved = page(request, "error.html", status=HTTPStatus.GONE, sentence="card.moved")
            _forget(request, moved, token)
            return moved
        if view is None:
            unknown = web.HTTPNotFound()
            _forget(request, unknown, token)
            raise unknown
        kind = _kind(request)
        # A card whose own number cannot be drawn, or that has none, still has its live code.
        kinds = [kind for kind in CodeKind if is_drawable(kind, _number(view, kind))] or LIVE_KINDS
        if kind not in kinds:
            raise web.HTTPNotFound
        drawable = is_drawable(kind, _number(view, kind))
        wallets = self._wallets if is_drawable(CodeKind.QR, view.number) else ()
        own = _own_wallet(request.headers.get("User-Agent", ""))
        response = page(
            request,
            "card.html",
            token=token,
            mine=mine == token,
            view=view,
            active=view.state is CardState.ACTIVE,
            kind=kind,
            code=modules_of(kind, _number(view, kind)) if drawable else None,
            kinds=kinds,
            number=_number(view, kind),
            groups=_groups(_number(view, kind), kind),
            own_wallet=own if own in wallets else "",
            wallets=[wallet for wallet in wallets if wallet != own],
            history=view.history[:HISTORY_LINES_MAX],
            balance_name=request.app[SETTINGS].balance_name,
            store_name=request.app[SETTINGS].store_name,
        )
        # Whose card it is was said by joining or binding; looking at one only keeps that longer.
        if view.coupon is None and mine == token:
            keep_cookie(request, response, CARD_COOKIE, token)
        return response

    async def _is_mine_now(self, token: str, mine: str) -> bool:
        """Whether it opened the card that the browser has as its own, which has moved to there."""
        return bool(TOKEN.fullmatch(mine)) and await self._desk.has_moved_to(token, mine)

    async def code(self, request: web.Request) -> web.Response:
        """Draw the code alone. A card that is not active has none any more: 410."""
        view = await self._desk.show(request.match_info["token"])
        if view is None:
            raise web.HTTPNotFound
        if view.state is not CardState.ACTIVE:
            raise web.HTTPGone
        image = ImageFormat(request.match_info["image"])
        kind = _kind(request)
        if not is_drawable(kind, _number(view, kind)):
            raise web.HTTPNotFound
        return await picture(request, image, lambda: draw(kind, _number(view, kind), image))


def _forget(request: web.Request, response: web.Response, token: str) -> None:
    """Take the link to a card that no longer exists off the start page: delete its cookie."""
    if request.cookies.get(CARD_COOKIE) == token:
        response.del_cookie(CARD_COOKIE)


def _own_wallet(agent: str) -> str:
    """Return the wallet that is part of the phone of a ``User-Agent`` header, or ""."""
    for phone, wallet in OWN_WALLETS.items():
        if phone in agent:
            return wallet
    return ""


def _kind(request: web.Request) -> CodeKind:
    try:
        return CodeKind(request.rel_url.query.get("kind", CodeKind.QR))
    except ValueError as error:
        raise web.HTTPBadRequest from error


def _number(view: CardView, kind: CodeKind) -> str:
    """Return the digits that ``kind`` holds; the page prints the same below the code."""
    return (view.ean13 or view.number) if kind is CodeKind.EAN13 else view.number


def _groups(number: str, kind: CodeKind) -> list[str]:
    if kind is CodeKind.EAN13:
        return [number[:1], number[1:7], number[7:]]  # as printed under every EAN-13
    return [number[at : at + 4] for at in range(0, len(number), 4)]
