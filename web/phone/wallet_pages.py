"""Adding a card to a wallet, and the web service that Apple's devices keep their passes fresh by.

Source of the service: Apple, PassKit Web Service Reference; devices add ``/v1`` themselves.
"""

import hmac
import logging
import math
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from card_formats.errors import CardFormatError
from card_formats.phone import catima
from card_formats.phone.apple_pass import PASS_MIME
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import CardId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.shop.phone_card_views import TOKEN_PATTERN, CardState, WalletCard, WalletCardService
from web.pages import LANGUAGE, SETTINGS, SPOKEN, address_of, beside, body_of
from web.phone.code_images import CodeKind, is_drawable
from web.phone.join_pages import EVERYBODY
from web.phone.wallets import PASSES, ApplePasses, Wallets
from web.rate import AddressLimit
from web.web_settings import WalletError

Told = TypeVar("Told", bound=msgspec.Struct)
LOG = logging.getLogger("tillcard.web.wallets")
PUSH_TOKEN_CHARS_MAX = 256
LOG_LINES_MAX = 20
LOG_CHARS_MAX = 200
"""What is kept of the lines that one device reports."""
LOGS_MAX, ALL_LOGS_MAX, LOGS_PER_S = 20, 200, 600
"""Reports from one address, and from all, in so many seconds: a stranger must not fill the log."""
DEVICE = "{device:[A-Za-z0-9._-]{1,128}}"
SERIAL = "{serial:[A-Za-z0-9._-]{1,64}}"


class Registration(msgspec.Struct, rename="camel"):
    """What a device registers with."""

    push_token: Annotated[str, msgspec.Meta(max_length=PUSH_TOKEN_CHARS_MAX)]


class Logs(msgspec.Struct):
    """What a device complains of."""

    logs: list[str]


class WalletPages:
    """``/c/<token>/card.pkpass``, ``/google``, ``/catima``: a card for another app."""

    def __init__(self, desk: WalletCardService, wallets: Wallets, clock: Clock) -> None:
        self._desk = desk
        self._wallets = wallets
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses of the wallets that are set up."""
        token = f"/c/{{token:{TOKEN_PATTERN}}}"
        routes = [web.get(token + "/catima", self.catima)]
        if self._wallets.google:
            routes.append(web.get(token + "/google", self.google))
        if self._wallets.apple:
            routes.append(web.get(token + "/apple", self.apple))
            routes += AppleService(self._desk, self._wallets.apple, self._clock).routes()
        return routes

    async def catima(self, request: web.Request) -> web.Response:
        """Go to Catima with the static number; it stands in the fragment, which no server sees."""
        card = await self._active(request)
        shop = request.app[SETTINGS].shop_name
        ends, number = card.view.until_at, card.view.number
        last_at = ends - timedelta(milliseconds=1) if ends else None
        raise web.HTTPFound(
            catima.share_link(store=shop, number=number, kind="qr", last_at=last_at)
        )

    async def google(self, request: web.Request) -> web.Response:
        """Go to Google Wallet with a save link made now."""
        assert self._wallets.google
        card = await self._active(request)
        make = partial(self._wallets.google.make, card, request[LANGUAGE], self._clock.now())
        link = await beside(request, make)
        raise web.HTTPFound(link)

    async def apple(self, request: web.Request) -> web.Response:
        """Give the pass; 503 while the certificates would not be believed."""
        assert self._wallets.apple
        card = await self._active(request)
        token = self._desk.pass_token(card.serial)
        return await packed(request, self._wallets.apple, card, token, self._clock.now())

    async def _active(self, request: web.Request) -> WalletCard:
        card = await self._desk.card_of(request.match_info["token"])
        if card is None or not is_drawable(CodeKind.QR, card.view.number):
            raise web.HTTPNotFound
        if card.view.state is not CardState.ACTIVE:
            raise web.HTTPGone
        return card


class AppleService:
    """The five calls of Apple's devices, under ``/passes/v1``."""

    def __init__(self, desk: WalletCardService, passes: ApplePasses, clock: Clock) -> None:
        self._desk = desk
        self._passes = passes
        self._clock = clock
        self._logs = AddressLimit(clock, LOGS_MAX, LOGS_PER_S)
        self._all_logs = AddressLimit(clock, ALL_LOGS_MAX, LOGS_PER_S)

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses; another pass type than ours is 404."""
        kind = self._passes.pass_type
        held = f"{PASSES}/v1/devices/{DEVICE}/registrations/{kind}"
        return [
            web.post(f"{held}/{SERIAL}", self.register),
            web.delete(f"{held}/{SERIAL}", self.unregister),
            web.get(held, self.changed),
            web.get(f"{PASSES}/v1/passes/{kind}/{SERIAL}", self.send),
            web.post(f"{PASSES}/v1/log", self.log),
        ]

    async def register(self, request: web.Request) -> web.Response:
        """201 for a new device, 200 for a known one, 409 for too many of one card."""
        card = await self._authorised(request)
        told = await _decoded(request, Registration)
        device = request.match_info["device"]
        new = await self._desk.register(device, card.serial, told.push_token)
        return web.Response(status=HTTPStatus.CREATED if new else HTTPStatus.OK)

    async def unregister(self, request: web.Request) -> web.Response:
        """Forget the device."""
        card = await self._authorised(request)
        await self._desk.unregister(request.match_info["device"], card.serial)
        return web.Response()

    async def changed(self, request: web.Request) -> web.Response:
        """List the passes of a device that changed since its tag; 204 when none did."""
        since = request.rel_url.query.get("passesUpdatedSince", "")
        held = await self._desk.held_by(request.match_info["device"])
        changed = {card.serial: rfc3339(card.updated_at) for card in held}
        changed = {serial: tag for serial, tag in changed.items() if tag > since}
        if not changed:
            return web.Response(status=HTTPStatus.NO_CONTENT)
        answer = {"lastUpdated": max(changed.values()), "serialNumbers": list(changed)}
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def send(self, request: web.Request) -> web.Response:
        """Give the pass as it is now; 304 when it has not changed since the device has it."""
        card = await self._authorised(request)
        modified = last_modified(card.updated_at, self._clock.now())
        known = request.if_modified_since
        if known is not None and modified <= known:
            return web.Response(status=HTTPStatus.NOT_MODIFIED)
        token = self._desk.pass_token(card.serial)
        return await packed(request, self._passes, card, token, self._clock.now())

    async def log(self, request: web.Request) -> web.Response:
        """Write down what a device complains of; 429 for more than LOGS_MAX from one address."""
        address = address_of(request)
        wait_s = max(self._logs.wait_s(address), self._all_logs.wait_s(EVERYBODY))
        if wait_s > 0:
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(math.ceil(wait_s))})
        self._logs.count(address)
        self._all_logs.count(EVERYBODY)
        told = await _decoded(request, Logs)
        for line in told.logs[:LOG_LINES_MAX]:
            LOG.info("an Apple device says %r", line[:LOG_CHARS_MAX])
        return web.Response()

    async def _authorised(self, request: web.Request) -> WalletCard:
        # A serial that is not there and a token that is wrong look the same.
        serial = CardId(request.match_info["serial"])
        expected = f"ApplePass {self._desk.pass_token(serial)}"
        given = request.headers.get("Authorization", "")
        card = await self._desk.card(serial)
        if card is None or not hmac.compare_digest(
            expected.encode(), given.encode("utf-8", "surrogateescape")
        ):
            raise web.HTTPUnauthorized
        return card


async def packed(
    request: web.Request, passes: ApplePasses, card: WalletCard, token: str, now: datetime
) -> web.Response:
    """Return the pass as a download; 503 when it cannot be made, the reason in the log.

    It is packed and signed in a thread: the till's event loop goes on meanwhile.
    """
    try:
        language = request.app[SPOKEN][card.language]
        body = await beside(request, partial(passes.make, card, language, token))
    except (WalletError, CardFormatError) as error:
        LOG.error("no pass could be made: %s", error)
        raise RefusedError(ErrorCode.BUSY, "No pass can be made now.") from error
    response = web.Response(body=body, content_type=PASS_MIME)
    response.last_modified = last_modified(card.updated_at, now)
    return response


def last_modified(updated_at: datetime, now: datetime) -> datetime:
    """Return a whole second that a later change cannot share with what is sent now.

    HTTP dates have no fractions: within the second of a change another may still come, so until
    it is over the one before is named, and the device asks once more.
    """
    second = updated_at.astimezone(UTC).replace(microsecond=0)
    return second if now >= second + timedelta(seconds=1) else second - timedelta(seconds=1)


async def _decoded(request: web.Request, kind: type[Told]) -> Told:
    try:
        return msgspec.json.decode(await body_of(request), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise web.HTTPBadRequest from error
