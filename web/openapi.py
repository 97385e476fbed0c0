"""The OpenAPI document of the phone pages, made from the routes themselves: it cannot drift."""

import re
from importlib.metadata import version
from typing import Any

import msgspec
from aiohttp import web

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
    operation: Table = {
        "operationId": name,
        "summary": says.partition("\n")[0],
        "description": says,
        "parameters": parameters + QUERIES.get(name, []),
        "responses": {"default": {"description": "As the summary says; else a page that does."}},
    }
    if name in BODIES:
        operation["requestBody"] = {"content": BODIES[name]}
    if name in APPLE_PASS:
        operation["security"] = [{"ApplePass": []}]
    return operation
