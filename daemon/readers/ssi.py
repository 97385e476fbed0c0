"""Zebra's Simple Serial Interface (SSI): packets with a checksum that wait for an answer. Pure.

A packet is its length (checksum aside), opcode, source, status, data, and two bytes of checksum.
Source: Simple Serial Interface Programmer's Guide, 72E-40451.
"""

from daemon.readers.framing import CUT_OFF, FRAME_BYTES_MAX, TOO_LONG, Frames, Garbage

HEADER_BYTES, CHECKSUM_BYTES = 4, 2
DECODE_DATA, CMD_ACK, CMD_NAK, MULTIPACKET = 0xF3, 0xD0, 0xD1, 0x73
PACKET_BYTES_MAX = 0xFF
HOST, SCANNER = 0x04, 0x00
RETRANSMIT, CONTINUES = 0x01, 0x02
_RESEND = b"\x01"
_GARBLED = Garbage("garbled on the line: the scanner was asked to send it again")
_MULTIPACKET = Garbage(
    "a code in parts that are not read (SSI multipacket): set the scanner to plain lines"
)
_PERHAPS_TWICE = Garbage(
    "the same code came again after a garbled one: if it was scanned twice, scan it once more"
)
_NO_PACKET = Garbage("no SSI packet: is the scanner set to SSI?")

# The scanner's own code for the kind of barcode, as the AIM identifier that says the same.
AIM_BY_TYPE = {
    0x01: "]A0", 0x02: "]F0", 0x03: "]C0", 0x06: "]I0", 0x07: "]G0", 0x08: "]E0", 0x09: "]E0",
    0x0A: "]E4", 0x0B: "]E0", 0x0C: "]H0", 0x0E: "]M0", 0x0F: "]C1", 0x11: "]L0", 0x13: "]A0",
    0x1A: "]L0", 0x1B: "]d1", 0x1C: "]Q1", 0x2C: "]Q1", 0x2D: "]z0", 0x30: "]e0", 0x31: "]e0",
    0x32: "]e0", 0x48: "]E3", 0x4B: "]E3", 0x88: "]E3", 0x8B: "]E3",
}  # fmt: skip


def checksum(body: bytes) -> bytes:
    """Return the two's complement of the sum of ``body``, high byte first."""
    return (-sum(body) & 0xFFFF).to_bytes(CHECKSUM_BYTES, "big")


def encode_packet(opcode: int, data: bytes = b"", *, source: int = HOST, status: int = 0) -> bytes:
    """Return a whole packet; ``data`` is 251 bytes at most."""
    body = bytes((HEADER_BYTES + len(data), opcode, source, status)) + data
    return body + checksum(body)


ACK, NAK_RESEND = encode_packet(CMD_ACK), encode_packet(CMD_NAK, _RESEND)


class SsiDecoder:
    """Turns packets into scans, and into the answers that the scanner waits for.

    A scan longer than one packet continues in the next; more than FRAME_BYTES_MAX is dropped
    whole and reported once. Every packet that arrived well is acknowledged. One that the scanner
    sends again because our answer was lost is acknowledged again and counted once.

    The status of a packet that arrived well says whether it is sent again; that of a garbled one
    says nothing. So a packet that is sent again behind a garbled one, and equals the last that
    arrived, may be that one or a second scan: it is told, and not delivered.

    Newer scanners may send a long code in packets of another kind, MULTIPACKET, whose parts no
    guide describes. It is told once, and not read: half a code must never pass for a code.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._parts = bytearray()
        self._aim = b""
        self._inside = False
        self._spoilt: Garbage | None = None
        self._skipping = False
        self._in_multipacket = False
        self._taken = b""
        self._was_garbled = False
        self._replies = bytearray()

    @property
    def pending(self) -> bool:
        """Whether a packet or a scan of several has begun and not ended."""
        waits_for_more = self._inside and self._spoilt is not CUT_OFF
        return bool(self._buffer) or self._skipping or self._in_multipacket or waits_for_more

    def take_replies(self) -> bytes:
        """Return what the scanner is to be answered, once."""
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def receive(self, data: bytes) -> Frames:
        """Return the scans that ``data`` completes."""
        out: Frames = []
        for byte in data:
            out += self._push(byte)
        return out

    def gap(self) -> Frames:
        """Ask for half a packet again; drop a scan whose rest does not come.

        What follows a dropped one is dropped too, up to its last packet: it may be the rest.
        """
        if self._buffer:
            self._refuse()
            self._buffer.clear()
            return [_GARBLED]
        self._in_multipacket = False
        if not self.pending:
            return []
        dropped = not self._skipping
        self._skipping = False
        if dropped:
            self._spoilt = CUT_OFF
        return [CUT_OFF] if dropped else []

    def _push(self, byte: int) -> Frames:
        if self._skipping or (byte == 0 and not self._buffer):  # a 00 wakes a sleeping partner
            return []
        if not self._buffer and byte < HEADER_BYTES:
            # Where the next packet begins is not known any more, only that it follows a silence.
            self._skipping = self._was_garbled = True
            return [_NO_PACKET]
        self._buffer.append(byte)
        if len(self._buffer) < self._buffer[0] + CHECKSUM_BYTES:
            return []
        packet = bytes(self._buffer)
        self._buffer.clear()
        return self._take(packet)

    def _take(self, packet: bytes) -> Frames:
        body, opcode, status = packet[:-CHECKSUM_BYTES], packet[1], packet[3]
        if packet[-CHECKSUM_BYTES:] != checksum(body):
            self._refuse()
            return [_GARBLED]
        if opcode in (CMD_ACK, CMD_NAK):
            return []
        self._replies += ACK
        if opcode == MULTIPACKET:
            return self._tell_multipacket(body)
        if opcode != DECODE_DATA or len(body) == HEADER_BYTES:
            return []
        content = bytes((status & ~RETRANSMIT,)) + body[HEADER_BYTES:]
        was_garbled, self._was_garbled = self._was_garbled, False
        if status & RETRANSMIT and content == self._taken:
            return self._perhaps_twice() if was_garbled else []
        self._taken = content
        return self._add(body[HEADER_BYTES], body[HEADER_BYTES + 1 :], bool(status & CONTINUES))

    def _tell_multipacket(self, body: bytes) -> Frames:
        """Tell of a code in parts, once: all of them are full but the last."""
        was_told, self._in_multipacket = self._in_multipacket, body[0] == PACKET_BYTES_MAX
        return [] if was_told else [_MULTIPACKET]

    def _refuse(self) -> None:
        """Ask for a packet again."""
        self._replies += NAK_RESEND
        self._was_garbled = True

    def _perhaps_twice(self) -> Frames:
        """Tell of what may be a second scan; spoil a scan that may lack a part."""
        if self._inside:
            self._spoilt = self._spoilt or _PERHAPS_TWICE
            return []
        return [_PERHAPS_TWICE]

    def _add(self, kind: int, data: bytes, continues: bool) -> Frames:
        if not self._inside:
            self._inside = True
            self._aim = identifier(kind, data)
        self._parts += data
        if len(self._aim) + len(self._parts) > FRAME_BYTES_MAX:
            self._spoilt = self._spoilt or TOO_LONG
        if self._spoilt:
            self._parts.clear()
        if continues:
            return []
        frame, spoilt, empty = self._aim + bytes(self._parts), self._spoilt, not self._parts
        self._end_scan()
        if spoilt:
            return [spoilt]
        return [] if empty else [frame]

    def _end_scan(self) -> None:
        self._parts.clear()
        self._inside = False
        self._spoilt = None


def identifier(kind: int, data: bytes) -> bytes:
    """Return the AIM identifier of a scan, b"" if ``data`` begins with its own or none is known."""
    aim = AIM_BY_TYPE.get(kind, "").encode()
    return b"" if data[:2] == aim[:2] else aim
