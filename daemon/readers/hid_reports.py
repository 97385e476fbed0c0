"""Reports of HID devices that are no keyboards: scanners in POS mode, MagTek readers. Pure.

The kernel hands over one report a read, the report's number first where the device numbers them.
"""

from card_formats.errors import CardFormatError
from card_formats.stripe.magtek import swipe_of_report
from daemon.readers.framing import CUT_OFF, FRAME_BYTES_MAX, TOO_LONG, Frames, Garbage
from daemon.readers.hid_descriptor import ScanLayout

_NO_REPORT = Garbage("no report of a scanner in HID POS mode")


class PosDecoder:
    """Bar code scanner reports (HID usage page 8C) into scans; ``layout`` says what stands where.

    A report of another number says nothing. One that says that the scan goes on is followed by
    the rest.
    Source: HID Point of Sale Usage Tables 1.02, 3.
    """

    def __init__(self, layout: ScanLayout) -> None:
        self._layout = layout
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
        layout = self._layout
        if layout.number and report[:1] != bytes((layout.number,)):
            return []
        data = self._data(report)
        if data is None:
            return [*self.gap(), _NO_REPORT]
        aim = b"".join(field.content(report) for field in layout.identifiers)
        aim = aim if aim[:1] == b"]" else b""
        out = self.gap() if self._inside and aim != self._aim else []
        self._aim, self._inside = aim, True
        self._parts += data
        if len(aim) + len(self._parts) > FRAME_BYTES_MAX:
            self._spoilt = TOO_LONG
        if self._spoilt:
            self._parts.clear()
        goes_on = layout.continued is not None and layout.continued.value(report) & 1
        return out if goes_on else out + self._finish()

    def _data(self, report: bytes) -> bytes | None:
        """Return what counts of the report's data, None where the report makes no sense."""
        layout = self._layout
        if len(report) < layout.size:
            return None
        data = layout.data.content(report)
        if layout.length is None:
            return data.rstrip(b"\0")
        length = layout.length.value(report)
        return data[:length] if length <= len(data) else None

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
