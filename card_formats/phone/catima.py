"""Links that put a card into Catima, the free card app: for static numbers only."""

from collections.abc import Mapping
from urllib.parse import quote_plus, urlencode

SHARE = "https://catima.app/share"
BARCODE_TYPES = {"qr": "QR_CODE", "code128": "CODE_128", "ean13": "EAN_13"}


def share_link(*, store: str, number: str, kind: str, note: str = "") -> str:
    """Return the address that opens Catima with the card filled in.

    kind:    ``qr code128 ean13``, the symbology that Catima will show ``number`` in.
    Source:  Catima, docs/CARD_SHARING_URL_FORMAT.md: values are encoded twice, and all of it
             stands in the fragment, which no server sees.
    """
    barcode_type = BARCODE_TYPES[kind]
    return compose({"store": store, "note": note, "cardid": number, "barcodetype": barcode_type})


def compose(fields: Mapping[str, str]) -> str:
    """Return a share address of Catima's fields, in their order."""
    return f"{SHARE}#{quote_plus(urlencode(fields))}"
