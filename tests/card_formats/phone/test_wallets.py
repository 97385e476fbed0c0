"""What goes into other people's wallets: Catima, Google, Apple."""

import hashlib
import io
import json
import zipfile
from typing import Any
from urllib.parse import parse_qs, unquote, unquote_plus, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.errors import CardFormatError
from card_formats.phone import catima
from card_formats.phone.apple_pass import Field, StoreCard, bundle, manifest_json, pass_json
from card_formats.phone.google_wallet import LoyaltyCard, claims

CARD = StoreCard(
    pass_type="pass.example.card",
    team="TEAM123456",
    organisation="Bakery",
    serial="c1",
    description="Card of Bakery",
    number="9100000000000125",
    number_text="9100 0000 0000 0125",
    primary=(Field("bonus", "Bonus", "35.00 UAH", "Bonus: %@"),),
    back=(Field("number", "Number", "9100 0000 0000 0125"),),
)


def test_catima_s_own_example_comes_out_byte_for_byte() -> None:
    """Source: Catima, docs/CARD_SHARING_URL_FORMAT.md, the example of a share URL."""
    fields = {
        "store": "Grocery Store",
        "note": "Quite necessary",
        "balance": "150",
        "cardid": "dhd",
        "barcodetype": "AZTEC",
        "headercolor": "-9977996",
    }
    assert catima.compose(fields) == (
        "https://catima.app/share#store%3DGrocery%2BStore%26note%3DQuite%2Bnecessary%26balance%3D"
        "150%26cardid%3Ddhd%26barcodetype%3DAZTEC%26headercolor%3D-9977996"
    )


@given(st.text(min_size=1), st.sampled_from(["qr", "code128", "ean13"]))
def test_what_catima_reads_is_what_was_shared(store: str, kind: str) -> None:
    try:
        store.encode()
    except UnicodeEncodeError:
        return  # half a surrogate pair is no text
    parts = urlsplit(catima.share_link(store=store, number="0412345678903", kind=kind))
    assert (parts.query, parts.netloc) == ("", "catima.app"), "no server sees the card"
    read = parse_qs(unquote_plus(parts.fragment), strict_parsing=False)
    assert read["store"] == [store]
    assert read["cardid"] == ["0412345678903"]
    assert read["barcodetype"] == [catima.BARCODE_TYPES[kind]]
    assert unquote(parts.fragment)


def test_a_google_card_says_no_more_than_it_has() -> None:
    bare = LoyaltyCard(issuer_id="3388", class_id="card", serial="c1", number="9100000000000125")
    said: Any = claims(bare, issuer="a@b", issued_at_s=1, origin="")
    assert (said["aud"], said["typ"], said["origins"]) == ("google", "savetowallet", [])
    (loyalty,) = said["payload"]["loyaltyObjects"]
    assert loyalty.keys() == {"id", "classId", "state", "accountId", "barcode"}
    assert loyalty["barcode"]["value"] == "9100000000000125"
    assert (loyalty["id"], loyalty["classId"]) == ("3388.c1", "3388.card")


def test_a_pass_holds_what_apple_asks_for() -> None:
    content = json.loads(pass_json(CARD))
    assert content["formatVersion"] == 1
    assert content["passTypeIdentifier"] == "pass.example.card"
    assert content["teamIdentifier"] == "TEAM123456"
    assert content["barcodes"][0] == {
        "format": "PKBarcodeFormatQR",
        "message": "9100000000000125",
        "messageEncoding": "iso-8859-1",
        "altText": "9100 0000 0000 0125",
    }
    field = {"key": "bonus", "label": "Bonus", "value": "35.00 UAH", "changeMessage": "Bonus: %@"}
    assert content["storeCard"]["primaryFields"] == [field]
    assert "webServiceURL" not in content
    assert "expirationDate" not in content
    assert "voided" not in content


def test_a_pass_with_updates_with_an_end_and_voided_says_so() -> None:
    card = msgspec.structs.replace(
        CARD,
        web_service="https://card.example/passes",
        token="t" * 16,
        until="2026-12-01T00:00:00Z",
        voided=True,
        barcode="code128",
    )
    content = json.loads(pass_json(card))
    assert content["webServiceURL"] == "https://card.example/passes"
    assert content["authenticationToken"] == "t" * 16
    assert content["expirationDate"] == "2026-12-01T00:00:00Z"
    assert content["voided"] is True
    assert content["barcodes"][0]["format"] == "PKBarcodeFormatCode128"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"team": ""}, "apple-pass.missing"),
        ({"description": ""}, "apple-pass.missing"),
        ({"number": ""}, "apple-pass.bad-number"),
        ({"number": "9" * 23}, "apple-pass.bad-number"),
        ({"number": "12a4"}, "apple-pass.bad-number"),
        ({"web_service": "https://card.example"}, "apple-pass.bad-service"),
        ({"token": "t" * 16}, "apple-pass.bad-service"),
        ({"web_service": "http://card.example", "token": "t" * 16}, "apple-pass.bad-service"),
        ({"web_service": "https://card.example/v1", "token": "t" * 16}, "apple-pass.bad-service"),
        ({"web_service": "https://card.example", "token": "t" * 15}, "apple-pass.bad-service"),
        ({"header": (Field("bonus", "", ""),)}, "apple-pass.same-key"),
        ({"until": "2026-12-01T00:00:00.000000Z"}, "apple-pass.bad-date"),
        ({"until": "2026-12-01T00:00:00"}, "apple-pass.bad-date"),
        ({"until": "2026-12-01"}, "apple-pass.bad-date"),
    ],
)
def test_a_pass_that_a_phone_would_refuse_is_not_made(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(CardFormatError) as caught:
        pass_json(msgspec.structs.replace(CARD, **changes))
    assert caught.value.code == code


def test_the_bundle_holds_every_file_and_the_manifest_its_sum() -> None:
    files = {"pass.json": pass_json(CARD), "icon.png": b"\x89PNG"}
    manifest = manifest_json(files)
    packed = bundle(files, manifest, b"seal")
    assert packed == bundle(files, manifest, b"seal"), "the same pass is the same bytes"
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert sorted(archive.namelist()) == ["icon.png", "manifest.json", "pass.json", "signature"]
        assert archive.testzip() is None
        sums = json.loads(archive.read("manifest.json"))
        assert sums.keys() == files.keys()
        for name, data in files.items():
            assert archive.read(name) == data
            assert sums[name] == hashlib.sha1(data, usedforsecurity=False).hexdigest()
