"""Lines out of a byte stream. Sans-io: feed bytes, take lines."""

LINE_BYTES_MAX = 256 * 1024


class LineTooLongError(Exception):
    """A line passed ``bytes_max``. What follows cannot be told from it: close the connection."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__(f"A line is at most {bytes_max} bytes; this connection is closed.")


class LineBuffer:
    r"""Splits at ``\n``; a ``\r`` before it is white space to JSON and stays.

    Holds at most ``bytes_max`` and what one ``feed`` brought, if every line is taken between.
    ``bytes_max`` may change between two lines.
    """

    def __init__(self, bytes_max: int = LINE_BYTES_MAX) -> None:
        self.bytes_max = bytes_max
        self._held = bytearray()
        self._searched_bytes = 0

    def __len__(self) -> int:
        """Return the number of bytes held."""
        return len(self._held)

    def feed(self, data: bytes) -> None:
        """Append what arrived."""
        self._held += data

    def end(self) -> None:
        """Nothing more will arrive: what is left counts as a line."""
        if self._held and not self._held.endswith(b"\n"):
            self._held += b"\n"

    def clear(self) -> None:
        """Forget what is held."""
        self._held.clear()
        self._searched_bytes = 0

    def take(self) -> bytes | None:
        r"""Return the next line without its ``\n``, or None until it is complete.

        Raises: LineTooLongError, whether the line is complete or not.
        """
        end = self._held.find(b"\n", self._searched_bytes)
        if (len(self._held) if end < 0 else end) > self.bytes_max:
            raise LineTooLongError(self.bytes_max)
        if end < 0:
            self._searched_bytes = len(self._held)
            return None
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        self._searched_bytes = 0
        return line
