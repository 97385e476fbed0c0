"""A simulated NTAG 213 with a password, on a reader that hands native commands through."""

from card_formats.atr import StorageCard, encode_storage

_OK, _NOT_SUPPORTED = b"\x90\x00", b"\x6a\x81"
_VERSION = bytes.fromhex("0004040201000F03")
_GET_VERSION, _PASSWORD = 0x60, 0x1B
_GET_UID, _DIRECT = bytes.fromhex("FFCA0000"), bytes.fromhex("FF000000")
_SESSION, _EXCHANGE = bytes.fromhex("FFC20000"), bytes.fromhex("FFC20001")
_TO_TAG, _FROM_TAG, _TIMED_OUT = b"\xd4\x42", b"\xd5\x43\x00", b"\xd5\x43\x01"
_FINE = bytes.fromhex("C003009000")


class PasswordTag:
    """It gives its UID to every reader, and ``pack`` to one that knows ``password``.

    Source: NXP NTAG213/215/216 data sheet, 10.7; ACS ACR122U API, 5.1; PC/SC part 3 supplement.
    """

    def __init__(self, uid: bytes, password: bytes, pack: bytes) -> None:
        self.atr = encode_storage(StorageCard(3, 3))
        self._uid = uid
        self._password = password
        self._pack = pack

    def reset(self) -> None:
        """Nothing is lost: what it keeps for whoever knows the password is not simulated."""

    def transmit(self, command: bytes) -> bytes:
        """Answer any bytes at all, status word last."""
        size = command[4] if len(command) > 4 else 0
        body = command[5 : 5 + size]
        match command[:4]:
            case head if head == _GET_UID:
                return self._uid + _OK
            case head if head == _DIRECT and body[:2] == _TO_TAG:
                answer = self._answer(body[2:])
                return (_TIMED_OUT if answer is None else _FROM_TAG + answer) + _OK
            case head if head == _SESSION:
                return _FINE + _OK
            case head if head == _EXCHANGE and body[:1] == b"\x95":
                answer = self._answer(body[2:])
                if answer is None:
                    return bytes.fromhex("C003016401") + _OK
                return _FINE + b"\x97" + bytes((len(answer),)) + answer + _OK
            case _:
                return _NOT_SUPPORTED

    def _answer(self, native: bytes) -> bytes | None:
        """Return what the tag says; nothing where it does not understand or does not believe."""
        if native == bytes((_GET_VERSION,)):
            return _VERSION
        return self._pack if native == bytes((_PASSWORD,)) + self._password else None
