"""Has pictures read beside the daemon, one at a time: the checkout waits for none of them."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.customers.pictures import (
    KEPT_BYTES_MAX,
    PICTURE_BYTES_MAX,
    PictureError,
    Problem,
)

PICTURE_S_MAX = 20.0
"""From its start to its end; the processor alone has less (``picture_process``)."""
WAITING_MAX = 4
_WORDS = (sys.executable, "-I", "-m", "daemon.customers.picture_process")


class PictureMaker:
    """Makes files into pictures as they are kept. ``limit_s``: for one of them."""

    def __init__(self, limit_s: float = PICTURE_S_MAX) -> None:
        self._limit_s = limit_s
        self._turn = asyncio.Lock()
        self._in_hand = 0

    async def kept(self, file: bytes) -> bytes:
        """Return the picture of a file as it is kept.

        Raises: PictureError, whatever the bytes are; RefusedError BUSY where too many wait.
        """
        if len(file) > PICTURE_BYTES_MAX:
            raise PictureError(Problem.TOO_LONG)
        if self._in_hand > WAITING_MAX:
            raise RefusedError(ErrorCode.BUSY, "Other pictures are being read; send it again.")
        self._in_hand += 1
        try:
            async with self._turn:
                return await _read(file, self._limit_s)
        finally:
            self._in_hand -= 1


async def _read(file: bytes, limit_s: float) -> bytes:
    try:
        reading = await asyncio.create_subprocess_exec(
            *_WORDS, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}
        )
    except OSError as error:
        raise RefusedError(
            ErrorCode.BUSY, f"The picture could not be read ({error.strerror}); send it again."
        ) from error
    try:
        async with asyncio.timeout(limit_s):
            kept, _ = await reading.communicate(file)
    except TimeoutError:
        raise PictureError(Problem.TOO_HARD) from None
    finally:
        if reading.returncode is None:
            reading.kill()
            await reading.wait()
    if reading.returncode in set(Problem):
        raise PictureError(Problem(reading.returncode))
    # Killed, out of memory, or made to write something else: the file did that.
    if reading.returncode or not 0 < len(kept) <= KEPT_BYTES_MAX:
        raise PictureError(Problem.TOO_HARD)
    return kept
