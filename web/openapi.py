"""The OpenAPI document of the phone pages, made from the routes themselves: it cannot drift."""

import re
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec
from aiohttp import web

from card_formats.phone.apple_pass import PASS_MIME
from web.page_language import LANGUAGES
from web.phone.code_images import CodeKind
from web.phone.wallet_pages import Logs, Registration

Table = dict[str, Any]
SCHEMAS = "#/components/schemas/"
JOIN_FORM = {
    "type": "object",
    "properties": {
        name: {"type": "string"}
        for name in ("form_id", "proof", "name", "phone", "email", "birthday", "personal_data")
    },
}
BODIES: dict[str, Table] = {
    "JoinPages.submit": {"application/x-www-form-urlencoded": {"schema": JOIN_FORM}},
    "PhonePages.renew": {"text/plain": {"schema": {"type": "string"}}},
    "AppleService.register": {"application/json": {"schema": {"$ref": SCHEMAS + "Registration"}}},
    "AppleService.log": {"application/json": {"schema": {"$ref": SCHEMAS + "Logs"}}},
}
"""What is sent, by the handler that takes it."""
KIND = {"name": "kind", "in": "query", "schema": {"enum": [kind.value for kind in CodeKind]}}
LANGUAGE = {"name": "lang", "in": "query", "schema": {"enum": list(LANGUAGES)}}
SINCE = {"name": "passesUpdatedSince", "in": "query", "schema": {"type": "string"}}
QUERIES = {
    "CardPages.show": [KIND, LANGUAGE],
    "CardPages.code": [KIND],
    "AppleService.changed": [SINCE],
}
HTML, JSON, NOTHING = "text/html", "application/json", ""
IMAGES = "image/svg+xml image/png"
LIVE_CARD = {"200": JSON, "409": HTML}
ANSWERS: dict[str, dict[str, str]] = {
    "JoinPages.show": {"200": HTML},
    "JoinPages.submit": {"303": NOTHING, "403": HTML, "409": HTML, "415": HTML, "422": HTML},
    "JoinPages.poster": {"200": IMAGES},
    "CardPages.front_door": {"200": HTML},
    "CardPages.show": {"200": HTML, "303": NOTHING, "410": HTML},
    "CardPages.code": {"200": IMAGES, "410": HTML},
    "PhonePages.bind_first": LIVE_CARD,
    "PhonePages.renew": LIVE_CARD,
    "PhonePages.manifest": {"200": "application/manifest+json"},
    "PhonePages.show_link": {"200": HTML},
    "PhonePages.accept": {"200": JSON},
    "PhonePages.draw_link": {"200": IMAGES},
    "PhonePages.worker": {"200": "text/javascript", "206": "text/javascript", "416": NOTHING},
    "WalletPages.catima": {"302": NOTHING, "410": HTML},
    "WalletPages.google": {"302": NOTHING, "410": HTML},
    "WalletPages.apple": {"200": PASS_MIME, "410": HTML},
    "AppleService.register": {"200": NOTHING, "201": NOTHING, "401": HTML, "409": HTML},
    "AppleService.unregister": {"200": NOTHING, "401": HTML},
    "AppleService.changed": {"200": JSON, "204": NOTHING},
    "AppleService.send": {"200": PASS_MIME, "304": NOTHING, "401": HTML},
    "AppleService.log": {"200": NOTHING},
    "UnsubscribePages.show": {"200": HTML},
    "UnsubscribePages.end": {"200": HTML},
    "_healthz": {"200": "text/plain"},
    "_openapi": {"200": JSON},
}
"""What each handler answers: statuses, and the media types of each, with blanks between. One that
takes a part of the address answers 404 too: there is no such one, or it has another shape.
"""
ANY_ADDRESS = {"400": HTML, "417": HTML, "429": HTML, "503": HTML}
"""What any of them may answer besides: what came is no request, comes too fast, or cannot be served
now; pages that say so.
"""
WITH_BODY = {"408": HTML, "413": HTML}
"""Besides, where something is sent: too slow, or too large."""
APPLE_PASS = {"AppleService.register", "AppleService.unregister", "AppleService.send"}
"""The handlers that want ``Authorization: ApplePass <token of the pass>``."""


def document(app: web.Application) -> Table:
    """Describe every route of ``app``; its handlers' docstrings say what each answers."""
    paths: dict[str, Table] = {}
    for route in app.router.routes():
        info = route.resource.get_info() if route.resource else {}
        if "directory" in info or route.method in ("HEAD", "*"):
            continue  # the static files; HEAD is GET's shadow
        assert route.resource is not None
        path = paths.setdefault(route.resource.canonical, {})
        path[route.method.lower()] = _operation(route.handler, info)
    _, components = msgspec.json.schema_components((Registration, Logs))
    return {
        "openapi": "3.1.0",
        "info": {"title": "tillcard phone pages", "version": version("tillcard")},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "ApplePass": {"type": "apiKey", "in": "header", "name": "Authorization"}
            },
        },
    }


def _responses(answers: dict[str, str]) -> Table:
    return {
        status: {
            "description": HTTPStatus(int(status)).phrase,
            "content": {kind: {} for kind in kinds.split()},
        }
        for status, kinds in answers.items()
    }


def _operation(handler: Any, info: Any) -> Table:
    name, says = handler.__qualname__, (handler.__doc__ or "").strip()
    pattern = info["pattern"].pattern if "pattern" in info else ""
    parameters = [
        {
            "name": parameter,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": f"^(?:{expression})$"},
        }
        for parameter, expression in re.findall(r"\(\?P<(\w+)>(.+?)\)(?=/|\\|$)", pattern)
    ]
    answers = ANSWERS[name] | ANY_ADDRESS | (WITH_BODY if name in BODIES else {})
    if parameters:
        answers |= {"404": HTML}
    operation: Table = {
        "operationId": name,
        "summary": says.partition("\n")[0],
        "description": says,
        "parameters": parameters + QUERIES.get(name, []),
        "responses": _responses(answers),
    }
    if name in BODIES:
        operation["requestBody"] = {"content": BODIES[name]}
    if name in APPLE_PASS:
        operation["security"] = [{"ApplePass": []}]
    return operation
