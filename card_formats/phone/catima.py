"""Links that put a card into Catima, the free card app: for static numbers only."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote_plus, urlencode

SHARE = "https://catima.app/share"
BARCODE_TYPES = {"qr": "QR_CODE", "code128": "CODE_128", "ean13": "EAN_13"}


def share_link(
    *, store: str, number: str, kind: str, note: str = "", last_at: datetime | None = None
) -> str:
    """Return the address that opens Catima with the card filled in.

    last_at: the last moment that the card is good, aware; None for a card without one.
    kind:    ``qr code128 ean13``, the symbology that Catima will show ``number`` in.
    Source:  Catima, docs/CARD_SHARING_URL_FORMAT.md: values are encoded twice, and all of it
             stands in the fragment, which no server sees. docs/CARD_FIELDS.md: ``expiry`` is a
             UNIX timestamp; Catima's ImportURIHelper takes it in milliseconds.
    """
    barcode_type = BARCODE_TYPES[kind]
    expiry = {"expiry": str(int(last_at.timestamp() * 1_000))} if last_at else {}
    return compose(
        {"store": store, "note": note, **expiry, "cardid": number, "barcodetype": barcode_type}
    )


def compose(fields: Mapping[str, str]) -> str:
    """Return a share address of Catima's fields, in their order."""
    return f"{SHARE}#{quote_plus(urlencode(fields))}"
