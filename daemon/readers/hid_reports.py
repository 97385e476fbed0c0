"""Reports of HID devices that are no keyboards: scanners in POS mode, MagTek readers. Pure.

The kernel hands over one report a read, the report's number first where the device numbers them.
"""

from card_formats.errors import CardFormatError
from card_formats.stripe.magtek import swipe_of_report
from daemon.readers.framing import CUT_OFF, FRAME_BYTES_MAX, TOO_LONG, Frames, Garbage

POS_REPORT_BYTES, POS_DATA_BYTES_MAX = 64, 56
SCANNED_DATA = 2  # the number of the report that carries a scan
_AIM, _DATA, _CONTINUED = slice(2, 5), 5, 63
_NO_REPORT = Garbage("no report of a scanner in HID POS mode")


class PosDecoder:
    """Bar code scanner reports (HID usage page 8C), 64 bytes each, into scans.

    Byte 0 is 2, byte 1 how many of the up to 56 bytes of data from byte 5 on count, bytes 2 to 4
    the AIM identifier; bit 0 of byte 63 says that the scan goes on in the next report.
    Source: HID Point of Sale Usage Tables 1.02, 3; layout as in Access-IS, LSR118 manual, B.1.
    """

    def __init__(self) -> None:
        self._aim = b""
        self._parts = bytearray()
        self._inside = False
        self._spoilt: Garbage | None = None

    @property
    def pending(self) -> bool:
        """Whether a scan of several reports has begun and not ended."""
        return self._inside

    def receive(self, report: bytes) -> Frames:
        """Return the scan that ``report`` completes; reports of other numbers say nothing."""
        if report[:1] != bytes((SCANNED_DATA,)):
            return []
        if len(report) != POS_REPORT_BYTES or report[1] > POS_DATA_BYTES_MAX:
            return [*self.gap(), _NO_REPORT]
        aim = report[_AIM] if report[2:3] == b"]" else b""
        out = self.gap() if self._inside and aim != self._aim else []
        self._aim, self._inside = aim, True
        self._parts += report[_DATA : _DATA + report[1]]
        if len(aim) + len(self._parts) > FRAME_BYTES_MAX:
            self._spoilt = TOO_LONG
        if self._spoilt:
            self._parts.clear()
        return out if report[_CONTINUED] & 1 else out + self._finish()

    def gap(self) -> Frames:
        """Drop a scan whose rest does not come."""
        if not self._inside:
            return []
        self._spoilt = self._spoilt or CUT_OFF
        return self._finish()

    def _finish(self) -> Frames:
        frame, spoilt, empty = self._aim + bytes(self._parts), self._spoilt, not self._parts
        self._parts.clear()
        self._inside, self._spoilt = False, None
        if spoilt:
            return [spoilt]
        return [] if empty else [frame]


class MagtekDecoder:
    """Reports of a MagTek stripe reader: each is a whole swipe."""

    pending = False

    def receive(self, report: bytes) -> Frames:
        """Return the swipe in ``report`` as text (see ``card_formats.stripe``)."""
        try:
            return [swipe_of_report(report)]
        except CardFormatError as error:
            return [Garbage(error.message)]

    def gap(self) -> Frames:
        """Return nothing: no report is half a swipe."""
        return []
