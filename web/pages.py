"""Turns templates into answers: the language of a visitor, the page, its headers."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from card_formats.errors import CardFormatError
from daemon.base.refusals import RefusedError
from web.page_language import LANGUAGES, Language, accepted_language
from web.phone.code_images import ImageFormat, draw_link
from web.rate import without_port
from web.web_settings import WebSettings

T = TypeVar("T")
HERE = Path(__file__).parent
LANGUAGE_COOKIE = "lang"
CONTENT_TYPES = {ImageFormat.SVG: "image/svg+xml", ImageFormat.PNG: "image/png"}
COOKIE_AGE_S = 400 * 24 * 3600  # the longest that browsers keep one
RETRY_AFTER_S = 60
THREADS_MAX = 2
HTTPS_ONLY_S = 365 * 24 * 3600
SETTINGS = web.AppKey("settings", WebSettings)
TEMPLATES = web.AppKey("templates", Environment)
SPOKEN = web.AppKey("spoken", dict[str, Language])
THREADS = web.AppKey("threads", ThreadPoolExecutor)
LANGUAGE = web.RequestKey("language", Language)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "tillcard",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
# The sentences of an error page, by status; any other status has the general one.
ERROR_SENTENCES = {
    HTTPStatus.NOT_FOUND: "error_page.not_found",
    HTTPStatus.REQUEST_TIMEOUT: "error_page.slow",
    HTTPStatus.CONFLICT: "error_page.refused",
    HTTPStatus.GONE: "error_page.not_valid",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "error_page.too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "error_page.too_many",
    HTTPStatus.SERVICE_UNAVAILABLE: "error_page.busy",
}


def set_up_pages(app: web.Application, settings: WebSettings) -> None:
    """Give ``app`` its templates, languages, error pages and headers."""
    app[SETTINGS] = settings
    app[TEMPLATES] = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    app[SPOKEN] = {code: Language(code) for code in LANGUAGES}
    app[THREADS] = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="pages")
    app.on_cleanup.append(_end_threads)
    app.middlewares.extend([_choose_language, _show_errors])
    app.on_response_prepare.append(_add_headers)
    app.router.add_static("/static", HERE / "static", expect_handler=expect)


async def _end_threads(app: web.Application) -> None:
    app[THREADS].shutdown(wait=False, cancel_futures=True)


def page(
    request: web.Request, template: str, *, status: int = HTTPStatus.OK, **values: object
) -> web.Response:
    """Render ``template`` in the visitor's language; ``values`` are escaped where they stand."""
    language = request[LANGUAGE]
    text = (
        request.app[TEMPLATES]
        .get_template(template)
        .render(
            say=language.say,
            language=language,
            languages=LANGUAGES,
            shop=request.app[SETTINGS].shop_name,
            **values,
        )
    )
    return web.Response(text=text, status=status, content_type="text/html")


async def beside(request: web.Request, job: Callable[[], T]) -> T:
    """Do what takes milliseconds in one of the pages' own threads: the till has others."""
    return await asyncio.get_running_loop().run_in_executor(request.app[THREADS], job)


async def picture(
    request: web.Request, image: ImageFormat, drawn: Callable[[], bytes]
) -> web.Response:
    """Answer a picture.

    A PNG takes milliseconds and is drawn in a thread, so that the till's event loop goes on; an
    SVG takes less than a thread would.
    """
    body = drawn() if image is ImageFormat.SVG else await beside(request, drawn)
    return web.Response(body=body, content_type=CONTENT_TYPES[image])


async def link_picture(request: web.Request, path: str) -> web.Response:
    """Answer the QR code of the address that ``path`` has for customers."""
    image = ImageFormat(request.match_info["image"])
    try:
        site = request.app[SETTINGS].public_url or str(request.url.origin())
        return await picture(request, image, lambda: draw_link(site + path, image))
    except (ValueError, CardFormatError) as error:  # what the request's Host header says
        raise web.HTTPBadRequest from error


def keep_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
    """Set a cookie that no script can read and no other site's form can send."""
    response.set_cookie(
        name,
        value,
        max_age=COOKIE_AGE_S,
        httponly=True,
        samesite="Lax",
        secure=request.app[SETTINGS].secure,
    )


@web.middleware
async def _choose_language(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take the language asked for in the address, then the one kept, then the browser's."""
    asked = request.rel_url.query.get("lang", "")
    kept = request.cookies.get(LANGUAGE_COOKIE, "")
    header = request.headers.get("Accept-Language", "")
    default = request.app[SETTINGS].language
    codes = [asked, kept, accepted_language(header, default)]
    code = next(code for code in codes if code in LANGUAGES)
    request[LANGUAGE] = request.app[SPOKEN][code]
    response = await handler(request)
    if asked == code != kept and not response.prepared:
        keep_cookie(request, response, LANGUAGE_COOKIE, code)
    return response


@web.middleware
async def _show_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal with a page in the visitor's language."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        kept = {
            name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers
        }
        response = _error_page(request, error.status, kept)
        response.cookies.update(error.cookies)
        return response
    except RefusedError as error:
        if error.code.retryable:
            headers = {"Retry-After": str(RETRY_AFTER_S)}
            return _error_page(request, HTTPStatus.SERVICE_UNAVAILABLE, headers)
        return _error_page(request, HTTPStatus.CONFLICT, {})


def _error_page(request: web.Request, status: int, headers: dict[str, str]) -> web.Response:
    sentence = ERROR_SENTENCES.get(HTTPStatus(status), "error_page.other")
    response = page(request, "error.html", status=status, sentence=sentence)
    response.headers.update(headers)
    return response


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers[name] = value
    if request.app[SETTINGS].certificate:  # behind a proxy that is the proxy's to promise
        response.headers["Strict-Transport-Security"] = f"max-age={HTTPS_ONLY_S}"
    if request.path.startswith("/static/") and response.status < HTTPStatus.BAD_REQUEST:
        response.headers["Cache-Control"] = "no-cache"  # kept, but asked after every time


async def body_of(request: web.Request) -> bytes:
    """Return the body of a request.

    Raises: HTTPException 408 after ``body_timeout_s``, 413 over the application's limit
            (as declared, or unpacked), 400 for a body that is not packed as its headers say.
    """
    declared, most = request.content_length or 0, request.client_max_size
    if declared > most:
        raise web.HTTPRequestEntityTooLarge(most, declared)
    try:
        async with asyncio.timeout(request.app[SETTINGS].body_timeout_s):
            return await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except web.RequestPayloadError as error:
        raise web.HTTPBadRequest from error


def address_of(request: web.Request) -> str:
    """Return who sent the request, walked back through the proxies that are ours.

    Each proxy writes whom it was asked by behind what it was told, some with the port; what stands
    before the first address that is none of ours may be anybody's invention.
    """
    proxies = request.app[SETTINGS].proxies
    address = request.remote or ""
    told = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    for hop in reversed(told):
        before = without_port(hop)
        if address not in proxies or not before:
            break
        address = before
    return address


async def expect(request: web.Request) -> None:
    """Let a client that asks first send its body; refuse whatever else it expects.

    aiohttp's own puts the header into its answer, and fails where its bytes are no text.
    """
    if request.headers.get("Expect", "").lower() != "100-continue":
        raise web.HTTPExpectationFailed(text="Only 100-continue can be expected.")
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
