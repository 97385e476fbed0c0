"""JSON as the database keeps it: compressed, where that is shorter.

An entry of a sale of three lines is 2.1 kB of JSON and 0.8 kB packed, its answer 1.0 and 0.4 kB:
their keys repeat. An answer is kept and not made again from its entry, because a till that was
updated must repeat to the byte what the one before it has said.

The hash chain is over the JSON itself: what packs it, and how well, may change.
"""

import zlib

PACKED_BYTES_MAX = 64 * 1024 * 1024
"""Of what is unpacked: more than any entry or answer has. A foreign row may unpack to anything."""
_LEVEL, _WINDOW_BITS, _MEMORY = 6, 13, 6
"""As small as the best, in 32 µs instead of 85 for a sale of three lines: what takes the time is to
set up the 256 KiB that zlib works in otherwise."""


def packed(json: bytes) -> bytes:
    """Return JSON of an object as it is kept."""
    packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY)
    return min(json, packing.compress(json) + packing.flush(), key=len)


def unpacked(kept: object) -> bytes:
    """Return JSON that was packed, or kept as it is; b"" for what is neither."""
    if not isinstance(kept, bytes):  # SQLite keeps any type anywhere
        return b""
    if kept.startswith(b"{"):
        return kept
    unpacking = zlib.decompressobj()
    try:
        json = unpacking.decompress(kept, PACKED_BYTES_MAX)
    except zlib.error:
        return b""
    return json if unpacking.eof and not unpacking.unused_data else b""
