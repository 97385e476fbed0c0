"""Google Wallet's save links: what stands in the signed token. Signing is the caller's."""

import msgspec

SAVE = "https://pay.google.com/gp/v/save/"
LINK_CHARS_MAX = 1_800
"""Longer tokens are cut by browsers on the way (Google Wallet API, "Typical API flows")."""


class LoyaltyCard(msgspec.Struct, frozen=True, kw_only=True):
    """One card for Google Wallet.

    issuer_id, class_id: from the shop's account there. serial: [A-Za-z0-9._-], unique.
    number:  static; the rotating secret never travels in a link.
    balance: as people read it; "" shows none.
    until:   when it ends, RFC 3339 in whole seconds, or "".
    offer:   what a coupon is good for, or "".
    """

    issuer_id: str
    class_id: str
    serial: str
    number: str
    alternate_text: str = ""
    name: str = ""
    balance_label: str = ""
    balance: str = ""
    until: str = ""
    offer_label: str = ""
    offer: str = ""


def claims(card: LoyaltyCard, *, issuer: str, issued_at_s: int, origin: str) -> dict[str, object]:
    """Return the claims to sign with RS256.

    issuer:  the service account's e-mail address. origin: of the page that shows the link.
    Source:  Google Wallet API reference, Jwt and LoyaltyObject.
    """
    loyalty_object: dict[str, object] = {
        "id": f"{card.issuer_id}.{card.serial}",
        "classId": f"{card.issuer_id}.{card.class_id}",
        "state": "ACTIVE",
        "accountId": card.number,
        "barcode": {
            "type": "QR_CODE",
            "value": card.number,
            "alternateText": card.alternate_text,
        },
    }
    if card.name:
        loyalty_object["accountName"] = card.name
    if card.until:
        loyalty_object["validTimeInterval"] = {"end": {"date": card.until}}
    if card.offer:
        words = {"id": "offer", "header": card.offer_label, "body": card.offer}
        loyalty_object["textModulesData"] = [words]
    if card.balance:
        points = {"label": card.balance_label, "balance": {"string": card.balance}}
        loyalty_object["loyaltyPoints"] = points
    return {
        "iss": issuer,
        "aud": "google",
        "typ": "savetowallet",
        "iat": issued_at_s,
        "origins": [origin] if origin else [],
        "payload": {"loyaltyObjects": [loyalty_object]},
    }
