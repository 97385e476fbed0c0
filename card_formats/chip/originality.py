"""The signature that NXP puts on a chip's UID: it was made by NXP, or copied from one that was.

It is static, so anybody who has read it can show it again with the same UID. It is worth something
together with a key that was put on the chip, and for a shop that buys blank cards.
"""

from collections.abc import Mapping

from card_formats.apdu import Dialogue
from card_formats.chip.desfire import commands
from card_formats.chip.desfire.wire import OpenChannel, Status
from card_formats.crypto import verifies_p224
from card_formats.errors import CardFormatError

# Verified with signatures that others have read from chips; ReadSig itself not yet on one of ours.
NXP_KEYS: Mapping[str, bytes] = {
    "DESFire EV2": bytes.fromhex(
        "04B304DC4C615F5326FE9383DDEC9AA892DF3A57FA7FFB3276192BC0EA"
        "A252ED45A865E3B093A3D0DCE5BE29E92F1392CE7DE321E3E5C52B3A"
    ),
    "DESFire EV2 or NTAG 424 DNA": bytes.fromhex(
        "048A9B380AF2EE1B98DC417FECC263F8449C7625CECE82D9B916C992DA"
        "209D68422B81EC20B65A66B5102A61596AF3379200599316A00A1410"
    ),
    "DESFire EV2 XL": bytes.fromhex(
        "04CD5D45E50B1502F0BA4656FF37669597E7E183251150F9574CC8DA56"
        "BF01C7ABE019E29FEA48F9CE22C3EA4029A765E1BC95A89543BAD1BC"
    ),
    "DESFire EV3": bytes.fromhex(
        "041DB46C145D0A36539C6544BD6D9B0AA62FF91EC48CBC6ABAE36E0089"
        "A46F0D08C8A715EA40A63313B92E90DDC1730230E0458A33276FB743"
    ),
}
"""By chip, points on secp224r1. Source: NXP AN12196; Proxmark3, client/src/crypto/originality.c."""


def read_signature() -> Dialogue[bytes]:
    """Ask a chip for its signature; b"" from one that has none, as an EV1.

    Raises: CardFormatError ``desfire.bad-length`` for one of another length; what `send` raises.
    """
    yield from commands.select_application(commands.PICC)
    try:
        signature = yield from commands.read_signature(OpenChannel())
    except CardFormatError as error:
        if error.code != Status.ILLEGAL_COMMAND.code:
            raise
        return b""
    if len(signature) != commands.SIGNATURE_BYTES:
        raise CardFormatError("desfire.bad-length", f"a signature of {len(signature)} bytes")
    return signature


def maker_of(uid: bytes, signature: bytes, keys: Mapping[str, bytes] = NXP_KEYS) -> str:
    """Return the chip whose key has signed ``uid``, or ""."""
    return next((name for name, key in keys.items() if verifies_p224(key, uid, signature)), "")
