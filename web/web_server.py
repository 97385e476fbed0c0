"""The web server of the phone pages: the application, its access log, its life."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_urldispatcher import MatchInfoError, UrlMappingMatchInfo

from daemon.base.clock import Clock
from daemon.base.config import ConfigError
from daemon.base.regular_files import check_regular
from daemon.shop.phone_card_views import PhoneCardService, WalletCardService
from web.guesses import slow_guesses
from web.openapi import document
from web.pages import expect, set_up_pages
from web.phone.binding_pages import PhonePages
from web.phone.card_pages import CardPages
from web.phone.join_pages import BODY_BYTES_MAX, JoinPages
from web.phone.wallet_pages import WalletPages
from web.phone.wallets import Wallets
from web.unsubscribe_pages import UnsubscribePages, Unsubscriber
from web.visits import VISITS, Places, Visit, attend, listeners
from web.web_settings import WebSettings

SHUTDOWN_S = 5
KEEPALIVE_S = 75  # an idle connection is closed after it
OTHER_SIDE = (HttpProcessingError, web.RequestPayloadError, ConnectionError)
ROUTE = web.RequestKey("route", str)
LOG = logging.getLogger("tillcard.web")
ACCESS_LOG = logging.getLogger("tillcard.web.access")


def make_app(
    desk: PhoneCardService,
    settings: WebSettings,
    clock: Clock,
    wallets: tuple[WalletCardService, Wallets] | None = None,
    country: str = "",
    unsubscriber: Unsubscriber | None = None,
) -> web.Application:
    """Make the application that serves the phone pages of one shop, with passes or without.

    country: of telephone numbers without a country code, as ``[till] country``.
    unsubscriber: ends messages, where the shop sends some.
    """
    app = web.Application(
        client_max_size=BODY_BYTES_MAX,
        middlewares=[attend, _note_route, _till_first(clock, settings.requests_per_s)],
    )
    app[VISITS] = {}
    set_up_pages(app, settings)
    slow_guesses(app, clock)
    app.add_routes(map(_expecting, JoinPages(desk, clock, settings, country).routes()))
    app.add_routes(map(_expecting, CardPages(desk, wallets[1].kinds if wallets else []).routes()))
    app.add_routes(map(_expecting, PhonePages(desk).routes()))
    if wallets:
        app.add_routes(map(_expecting, WalletPages(*wallets, clock).routes()))
    if unsubscriber:
        app.add_routes(map(_expecting, UnsubscribePages(unsubscriber).routes()))
    app.router.add_get("/healthz", _healthz, expect_handler=expect)
    app.router.add_get("/openapi.json", _openapi, expect_handler=expect)
    app.router.register_resource(_Elsewhere(app.router))
    return app


class WebServer:
    """Serves an application on ``settings.host`` and ``settings.port``, over TLS with its files.

    home: the folder that the files' names start from. Raises: ConfigError for unusable ones.
    """

    def __init__(self, app: web.Application, settings: WebSettings, home: Path = Path()) -> None:
        self._settings = settings
        self._tls = _tls(settings, home) if settings.certificate else None
        LOG.addFilter(_is_ours)
        self._runner = web.AppRunner(
            app,
            logger=LOG,
            access_log=ACCESS_LOG,
            access_log_class=RouteLogger,
            keepalive_timeout=KEEPALIVE_S,
            shutdown_timeout=SHUTDOWN_S,
        )
        self._visits = app[VISITS]
        self._servers: list[asyncio.Server] = []
        self._url = ""

    async def start(self) -> None:
        """Listen. Raises: OSError when the port is taken or the address is not this machine's."""
        await self._runner.setup()
        settings, loop = self._settings, asyncio.get_running_loop()
        places = Places(settings.connections_max, settings.connections_by_address, settings.proxies)
        made = await listeners(settings.host, settings.port, places)
        for listener in made:
            handshake_s = settings.head_timeout_s if self._tls else None
            server = await loop.create_server(
                self._visit, sock=listener, ssl=self._tls, ssl_handshake_timeout=handshake_s
            )
            self._servers.append(server)
        host, port = made[0].getsockname()[:2]
        scheme = "https" if self._tls else "http"
        self._url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    async def stop(self) -> None:
        """Stop listening, and give requests in flight ``SHUTDOWN_S`` to end."""
        for server in self._servers:
            server.close()
        await self._runner.cleanup()

    def _visit(self) -> Visit:
        assert self._runner.server is not None
        inner = self._runner.server()
        visit = Visit(inner, self._settings.head_timeout_s, self._visits.pop)
        self._visits[inner] = visit
        return visit

    @property
    def address(self) -> str:
        """Where customers reach these pages, without a slash at its end."""
        return self._settings.public_url or self.url

    @property
    def url(self) -> str:
        """The address that is being served, without a slash at its end, once started."""
        assert self._url
        return self._url


class RouteLogger(AbstractAccessLogger):
    """Logs the route, not the path: a path holds a card's token."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write one line: method, route, status, milliseconds."""
        known = isinstance(request, web.Request) and ROUTE in request
        route = request[ROUTE] if known else "(no route)"
        self.logger.info("%s %s %d %.1f ms", request.method, route, response.status, time * 1000)


def _tls(settings: WebSettings, home: Path) -> ssl.SSLContext:
    certificate, key = home / settings.certificate, home / settings.key
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        for file in (certificate, key):
            check_regular(file, file.stat())
        if key.stat().st_mode & 0o077:
            raise ConfigError("web.key", f"{key} can be read by others; chmod 600 it.")
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        what = f"{certificate} and {key} cannot serve HTTPS: {error}"
        raise ConfigError("web.certificate", what) from error
    return context


def _no_password() -> str:
    raise ValueError("the key has a password; take it off with openssl pkey")


def _till_first(clock: Clock, requests_per_s: int) -> Middleware:
    """Refuse what is too much for a machine that also sells, before anything is done for it."""
    began_s, count = 0.0, 0

    @web.middleware
    async def refuse_a_rush(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal began_s, count
        now_s = clock.monotonic_s()
        if now_s - began_s >= 1:
            began_s, count = now_s, 0
        count += 1
        if count > requests_per_s:
            headers = {"Retry-After": "1"}
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)
        return await handler(request)

    return refuse_a_rush


@web.middleware
async def _note_route(request: web.Request, handler: Handler) -> web.StreamResponse:
    resource = request.match_info.route.resource
    if resource is not None:
        request[ROUTE] = resource.canonical
    return await handler(request)


def _is_ours(record: logging.LogRecord) -> bool:
    """Keep the other side's mistakes out of the log: it is not HTTP, or it has gone away.

    The first is answered 400; its traceback would quote what was sent, a card's path perhaps.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, OTHER_SIDE)


async def _openapi(request: web.Request) -> web.Response:
    """Describe these addresses, OpenAPI 3.1."""
    body = msgspec.json.encode(document(request.app))
    return web.Response(body=body, content_type="application/json")


def _expecting(route: web.RouteDef) -> web.RouteDef:
    """Return ``route`` with our answer to an ``Expect`` header."""
    return web.RouteDef(
        route.method, route.path, route.handler, {**route.kwargs, "expect_handler": expect}
    )


class _NoRouteError(MatchInfoError):
    """An address that is not served, or not with this method."""

    @property
    def expect_handler(self) -> Callable[[web.Request], Awaitable[web.StreamResponse | None]]:
        """Return ours, as every address that is served has it."""
        return expect


class _Elsewhere(web.PlainResource):
    """What no other resource serves: 404, or 405 with the methods that would do."""

    def __init__(self, router: web.UrlDispatcher) -> None:
        super().__init__("/")
        self._router = router

    async def resolve(self, request: web.Request) -> tuple[UrlMappingMatchInfo, set[str]]:
        """Return what answers a request; it is asked last."""
        allowed = set[str]()
        for other in self._router.resources():
            if other is not self:
                _, methods = await other.resolve(request)
                allowed |= methods
        if allowed:
            return _NoRouteError(web.HTTPMethodNotAllowed(request.method, allowed)), allowed
        return _NoRouteError(web.HTTPNotFound()), allowed


async def _healthz(_request: web.Request) -> web.Response:
    """Answer ok while the server runs."""
    return web.Response(text="ok\n")
