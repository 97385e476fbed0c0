"""Joining: the form, its protection against forgery and floods, and the way to the new card."""

import hmac
import math
import re
import secrets
from http import HTTPStatus
from urllib.parse import parse_qsl

from aiohttp import web

from daemon.base.clock import Clock
from daemon.base.refusals import ParamError
from daemon.shop.phone_card_views import JoinForm, PhoneCardService
from web.pages import LANGUAGE, SETTINGS, address_of, body_of, keep_cookie, link_picture, page
from web.phone.join_form import JoinFormError, check_join_form
from web.phone.join_questions import check_questions, consent_boxes, fields
from web.rate import AddressLimit
from web.web_settings import WebSettings

BODY_BYTES_MAX = 64 * 1024
FIELDS_MAX = 256
"""Forty answers of 200 letters, each of six characters on the line; boxes are fields, too."""
DAY_S = 24 * 3600
EVERYBODY = "everybody"
VISITOR_COOKIE = "visitor"
CARD_COOKIE = "card"
NONCE = re.compile("[A-Za-z0-9_-]{22}")


class JoinPages:
    """``GET`` and ``POST /join``, and its address as a QR code for a poster at the till.

    A form carries ``form_id`` and its HMAC together with the visitor's cookie, under a key that
    lives as long as the process: another site can neither read nor make the pair.
    """

    def __init__(
        self, desk: PhoneCardService, clock: Clock, settings: WebSettings, country: str
    ) -> None:
        self._desk = desk
        self._country = country
        self._limit = AddressLimit(clock, settings.joins_max, settings.joins_per_s)
        self._a_day = AddressLimit(clock, settings.joins_a_day_max, DAY_S)
        self._key = secrets.token_bytes(32)

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses these pages answer."""
        return [
            web.get("/join", self.show),
            web.post("/join", self.submit),
            web.get("/join.{image:svg|png}", self.poster),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Show an empty form."""
        return await self._form(request, {}, {})

    async def poster(self, request: web.Request) -> web.Response:
        """Draw the form's address as a QR code, to be printed or shown at the till."""
        return await link_picture(request, "/join")

    async def submit(self, request: web.Request) -> web.Response:
        """Make a card of a right form and go to it; show a wrong one again with its mistakes."""
        self._refuse_floods(request)
        typed = await _typed(request)
        form_id = typed.get("form_id", "")
        proof = self._proof(request.cookies.get(VISITOR_COOKIE, ""), form_id)
        if not hmac.compare_digest(proof, typed.get("proof", "").encode()):
            # A browser that keeps no cookies sends none however often it opens the form.
            why = "error.form_old" if VISITOR_COOKIE in request.cookies else "error.cookies"
            return await self._form(request, typed, {"form": why}, HTTPStatus.FORBIDDEN)
        try:
            form = await self._checked(request, typed, form_id)
        except JoinFormError as error:
            return await self._form(request, typed, error.fields, HTTPStatus.UNPROCESSABLE_ENTITY)
        self._refuse_a_rush()
        try:
            token = await self._desk.enrol(form)
        except ParamError:  # the shop asks something else since the page was opened
            wrong = {"form": "error.form_old"}
            return await self._form(request, typed, wrong, HTTPStatus.UNPROCESSABLE_ENTITY)
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": f"/c/{token}"})
        keep_cookie(request, response, CARD_COOKIE, token)
        return response

    async def _checked(self, request: web.Request, typed: dict[str, str], form_id: str) -> JoinForm:
        asked, language = await self._desk.questionnaire(), request[LANGUAGE].code
        if asked.is_own:
            return check_questions(
                asked, typed, form_id=form_id, language=language, country=self._country
            )
        return check_join_form(
            typed,
            form_id=form_id,
            language=language,
            today=self._desk.today(),
            settings=request.app[SETTINGS],
            country=self._country,
        )

    async def _form(
        self,
        request: web.Request,
        typed: dict[str, str],
        wrong: dict[str, str],
        status: int = HTTPStatus.OK,
    ) -> web.Response:
        visitor = request.cookies.get(VISITOR_COOKIE, "")
        if not NONCE.fullmatch(visitor):
            visitor = secrets.token_urlsafe(16)
        form_id = secrets.token_urlsafe(16)
        asked, language = await self._desk.questionnaire(), request[LANGUAGE]
        shop = request.app[SETTINGS].shop_name
        response = page(
            request,
            "join.html",
            status=status,
            typed=typed,
            wrong=wrong,
            asked=asked,
            fields=tuple(fields(asked, typed, language)),
            consents=tuple(consent_boxes(asked, typed, language, shop)),
            settings=request.app[SETTINGS],
            form_id=form_id,
            proof=self._proof(visitor, form_id).decode(),
        )
        keep_cookie(request, response, VISITOR_COOKIE, visitor)
        return response

    def _proof(self, visitor: str, form_id: str) -> bytes:
        # A cookie may hold any bytes; they come as halves of surrogate pairs.
        message = f"{visitor} {form_id}".encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, message, "sha256").hex().encode()

    def _refuse_floods(self, request: web.Request) -> None:
        address = address_of(request)
        wait_s = self._limit.wait_s(address)
        if wait_s > 0:
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(math.ceil(wait_s))})
        self._limit.count(address)

    def _refuse_a_rush(self) -> None:
        """Say "later" when as many cards were made as in a day's worst rush."""
        wait_s = self._a_day.wait_s(EVERYBODY)
        if wait_s > 0:
            headers = {"Retry-After": str(math.ceil(wait_s))}
            raise web.HTTPServiceUnavailable(headers=headers)
        self._a_day.count(EVERYBODY)


async def _typed(request: web.Request) -> dict[str, str]:
    """Return the fields of an urlencoded form, the last of each name.

    Raises: HTTPException 408 after ``body_timeout_s``, 413 over ``BODY_BYTES_MAX`` (unpacked),
            415 for another content type, 400 over ``FIELDS_MAX`` fields or for a body that is
            not packed as its headers say.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType
    body = await body_of(request)
    try:
        fields = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS_MAX
        )
    except ValueError as error:
        raise web.HTTPBadRequest from error
    return dict(fields)
