"""``rpc.discover``: the table of methods as an OpenRPC document, from the structs themselves."""

from collections.abc import Mapping
from functools import cache
from inspect import getdoc
from typing import Any

import msgspec

from daemon.base.refusals import ErrorCode
from daemon.pos.dispatch import Method
from daemon.pos.errors import ProtocolCode
from daemon.pos.peers import Role
from daemon.pos.protocol import NoParams
from daemon.pos.session import Session
from daemon.pos.session_methods import PROTOCOL_VERSION

OPENRPC_VERSION = "1.3.2"
INFO_VERSION = f"{PROTOCOL_VERSION.major}.{PROTOCOL_VERSION.minor}.0"  # SemVer has three parts
_REF = "#/components/schemas/{name}"
_ANY_METHOD = (
    ErrorCode.BUSY,
    ErrorCode.TOO_NEW,
    ErrorCode.LEDGER_DAMAGED,
    ErrorCode.PERMISSION,
    ErrorCode.CARD_UNKNOWN,
)
_FAULTS = (ProtocolCode.INVALID_PARAMS, ProtocolCode.INTERNAL_ERROR)


def openrpc(methods: Mapping[str, Method]) -> Method:
    """Return the method that describes ``methods`` and itself."""

    async def discover(session: Session, params: NoParams) -> msgspec.Raw:
        """Describe every method: return this document."""
        return answer()

    @cache
    def answer() -> msgspec.Raw:
        served = {**methods, "rpc.discover": itself}
        return msgspec.Raw(msgspec.json.encode(document(served)))

    itself = Method(NoParams, discover, Role.READ)
    return itself


def document(methods: Mapping[str, Method]) -> dict[str, Any]:
    """Return the OpenRPC document of ``methods``. Source: OpenRPC specification 1.3.2."""
    types = [
        kind for method in methods.values() for kind in (method.params_type, method.result_type)
    ]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    described = zip(methods.items(), schemas[::2], schemas[1::2], strict=True)
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {"title": "tillcard POS protocol", "version": INFO_VERSION},
        "methods": [
            _described(name, method, _resolved(params, components), result)
            for (name, method), params, result in described
        ],
        "components": {"schemas": components, "errors": _errors()},
    }


def _described(
    name: str, method: Method, params: dict[str, Any], result: dict[str, Any]
) -> dict[str, Any]:
    required = params.get("required", [])
    properties = sorted(params["properties"].items(), key=lambda row: row[0] not in required)
    errors = dict.fromkeys([*_FAULTS, *_ANY_METHOD, *method.refusals])
    return {
        "name": name,
        "summary": (getdoc(method.handler) or "").partition("\n")[0],
        "description": f"Needs the role {method.role.wire_name}. {params.get('description', '')}",
        "paramStructure": "by-name",
        "params": [
            {"name": key, "required": key in required, "schema": schema}
            for key, schema in properties
        ],
        "result": {"name": "result", "schema": result},
        "errors": [{"$ref": f"#/components/errors/{code.name.lower()}"} for code in errors],
    }


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = components[schema["$ref"].rpartition("/")[2]]
    return found


def _errors() -> dict[str, Any]:
    """Return every error by name. ``data`` tells what a value cannot: which fields there are."""
    return {
        code.name.lower(): {
            "code": code.value,
            "message": code.name.lower(),
            "data": {"name": code.name.lower(), "retryable": _is_retryable(code)},
        }
        for code in (*ProtocolCode, *ErrorCode)
    }


def _is_retryable(code: ProtocolCode | ErrorCode) -> bool:
    return isinstance(code, ErrorCode) and code.retryable
