"""EV2 secure messaging: a transaction identifier and a command counter instead of a chained IV."""

from daemon.readers.simulated.desfire.card_channel import Command
from daemon.readers.simulated.desfire.card_files import CommMode
from daemon.readers.simulated.desfire.cipher import BlockCipher, KeyKind, pad_80, padded_bytes
from daemon.readers.simulated.desfire.status_codes import Status, require

MAC_BYTES = 8
COUNTER_MAX = 0xFFFF
"""The counter after which a session accepts nothing more (AUTHENTICATION)."""
_COMMAND_IV, _ANSWER_IV = b"\xa5\x5a", b"\x5a\xa5"


class Ev2Channel:
    """After AuthenticateEV2. The counter rises between a command and its answer.

    Source: AN12343, chapter 4.
    """

    def __init__(self, enc_key: bytes, mac_key: bytes, transaction: bytes, counter: int) -> None:
        self._enc = BlockCipher(KeyKind.AES, enc_key)
        self._mac_cipher = BlockCipher(KeyKind.AES, mac_key)
        self.transaction = transaction
        self.counter = counter

    def wire_bytes(self, count: int, mode: CommMode, extra: int = 0) -> int:
        """Return the length with padding and MAC."""
        count += extra
        if mode is CommMode.PLAIN:
            return count
        if mode is CommMode.FULL and count:
            count = padded_bytes(count + 1, 16)
        return count + MAC_BYTES

    def open(
        self, command: Command, header_bytes: int, count: int, mode: CommMode, extra: int = 0
    ) -> bytes:
        """Return the data. A counter that has run out ends the session."""
        require(self.counter < COUNTER_MAX, Status.AUTHENTICATION)
        body = command.body(header_bytes, self.wire_bytes(count, mode, extra))
        if mode is CommMode.PLAIN:
            return body
        data, mac = body[:-MAC_BYTES], body[-MAC_BYTES:]
        header = command.header(header_bytes)
        require(mac == self._mac(command.ins, header + data), Status.INTEGRITY)
        if not data or mode is not CommMode.FULL:
            return data
        plain = self._enc.decrypt(self._iv(_COMMAND_IV), data)
        require(plain == pad_80(plain[: count + extra], 16), Status.INTEGRITY)
        return plain[: count + extra]

    def close(self, data: bytes, mode: CommMode, *, read_all: bool = False) -> bytes:
        """Return the data, encrypted and MACed as ``mode`` says; the counter rises anyway."""
        self.counter += 1
        if mode is CommMode.PLAIN:
            return data
        if data and mode is CommMode.FULL:
            data = self._enc.encrypt(self._iv(_ANSWER_IV), pad_80(data, 16))
        return data + self._mac(Status.OK, data)

    def _mac(self, code: int, data: bytes) -> bytes:
        block = self._mac_cipher.cmac(bytes((code,)) + self._count() + self.transaction + data)
        return block[1::2]

    def _iv(self, label: bytes) -> bytes:
        return self._enc.encrypt(b"", label + self.transaction + self._count() + bytes(8))

    def _count(self) -> bytes:
        return self.counter.to_bytes(2, "little")
