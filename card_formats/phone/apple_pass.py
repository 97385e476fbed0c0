"""Apple Wallet passes of the store-card kind: their JSON, their manifest, their bundle.

The signature over the manifest comes from the caller. Sources: Apple, "Building a Pass", "Creating
a Store Card Pass", PassKit Package Format Reference.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from itertools import chain
from typing import Literal

import msgspec

from card_formats.check_digits import is_digits
from card_formats.errors import CardFormatError

PASS_MIME = "application/vnd.apple.pkpass"
TOKEN_CHARS_MIN = 16
NUMBER_CHARS_MAX = 22
BARCODES = {"qr": "PKBarcodeFormatQR", "code128": "PKBarcodeFormatCode128"}
WEB_SERVICE = re.compile(r"https://[^/\s?#]+(?:/[^\s?#]*[^/\s?#])?")
SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
"""The dates that Wallet reads; one with a fraction of a second makes the whole pass no pass."""
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # so that one pass is always the same bytes


class Field(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """One line of a pass. ``change_message`` is shown when it changes; ``%@`` is the new value."""

    key: str
    label: str
    value: str
    change_message: str = ""


class StoreCard(msgspec.Struct, frozen=True, kw_only=True):
    """All that a pass says.

    pass_type, team: as the signing certificate says them. serial: with the pass type, the pass.
    description:     for people who cannot see it.
    number:          what the barcode holds: digits, an even count for Code 128.
    web_service:     an https address without ``/v1``, which devices add, or "" for no updates.
    token:           what devices prove themselves with; the same for the pass's whole life.
    until:           RFC 3339 in whole seconds with an offset, or "". voided: it is good no more.
    """

    pass_type: str
    team: str
    organisation: str
    serial: str
    description: str
    number: str
    barcode: Literal["qr", "code128"] = "qr"
    number_text: str = ""
    header: tuple[Field, ...] = ()
    primary: tuple[Field, ...] = ()
    secondary: tuple[Field, ...] = ()
    back: tuple[Field, ...] = ()
    web_service: str = ""
    token: str = ""
    until: str = ""
    voided: bool = False
    background: tuple[int, int, int] = (20, 80, 63)
    foreground: tuple[int, int, int] = (255, 255, 255)


def pass_json(card: StoreCard) -> bytes:
    """Return ``pass.json``.

    Raises: CardFormatError ``apple-pass.missing``, ``apple-pass.bad-number``,
            ``apple-pass.bad-service``, ``apple-pass.bad-date``, ``apple-pass.same-key``.
    """
    _check(card)
    barcode = {
        "format": BARCODES[card.barcode],
        "message": card.number,
        "messageEncoding": "iso-8859-1",
        "altText": card.number_text or card.number,
    }
    content: dict[str, object] = {
        "formatVersion": 1,
        "passTypeIdentifier": card.pass_type,
        "teamIdentifier": card.team,
        "organizationName": card.organisation,
        "serialNumber": card.serial,
        "description": card.description,
        "logoText": card.organisation,
        "backgroundColor": _rgb(card.background),
        "foregroundColor": _rgb(card.foreground),
        "labelColor": _rgb(card.foreground),
        "sharingProhibited": True,
        "barcodes": [barcode],
        "storeCard": {
            "headerFields": card.header,
            "primaryFields": card.primary,
            "secondaryFields": card.secondary,
            "backFields": card.back,
        },
    }
    if card.web_service:
        content |= {"webServiceURL": card.web_service, "authenticationToken": card.token}
    if card.until:
        content["expirationDate"] = card.until
    if card.voided:
        content["voided"] = True
    return msgspec.json.encode(content)


def manifest_json(files: Mapping[str, bytes]) -> bytes:
    """Return ``manifest.json``: the SHA-1 of every file of the bundle except itself and its seal.

    SHA-1 is Apple's format; what protects the pass is the signature over this file.
    """
    sums = {
        name: hashlib.sha1(data, usedforsecurity=False).hexdigest()
        for name, data in sorted(files.items())
    }
    return msgspec.json.encode(sums)


def bundle(files: Mapping[str, bytes], manifest: bytes, signature: bytes) -> bytes:
    """Return the ``.pkpass``: a ZIP of the files, their manifest and its detached signature."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        whole = {**files, "manifest.json": manifest, "signature": signature}
        for name, data in whole.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), data)
    return packed.getvalue()


def _check(card: StoreCard) -> None:
    for name in ("pass_type", "team", "organisation", "serial", "description"):
        if not getattr(card, name):
            raise CardFormatError("apple-pass.missing", f"a pass needs its {name}")
    if not is_digits(card.number) or len(card.number) > NUMBER_CHARS_MAX:
        raise CardFormatError("apple-pass.bad-number", "the barcode holds up to 22 digits")
    if card.until and not SECONDS.fullmatch(card.until):
        raise CardFormatError(
            "apple-pass.bad-date", "a pass ends at a whole second, with an offset"
        )
    _check_service(card)
    fields = chain(card.header, card.primary, card.secondary, card.back)
    keys = [field.key for field in fields]
    if len(set(keys)) != len(keys):
        raise CardFormatError("apple-pass.same-key", "two fields have the same key")


def _check_service(card: StoreCard) -> None:
    if bool(card.web_service) != bool(card.token):
        raise CardFormatError("apple-pass.bad-service", "web service and token come together")
    if card.web_service and not WEB_SERVICE.fullmatch(card.web_service):
        raise CardFormatError("apple-pass.bad-service", "the web service is an https address")
    if card.web_service.endswith("/v1"):
        raise CardFormatError("apple-pass.bad-service", "devices add /v1 themselves")
    if card.token and len(card.token) < TOKEN_CHARS_MIN:
        raise CardFormatError("apple-pass.bad-service", "the token has 16 characters or more")


def _rgb(colour: tuple[int, int, int]) -> str:
    return "rgb({}, {}, {})".format(*colour)
