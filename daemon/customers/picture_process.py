"""``python -m daemon.customers.picture_process``: one picture read in a process of its own.

Decoders are large, written in C, and read what strangers bring. This process has the file, the
decoders and nothing else: no environment, no file that it could open, no process that it could
start, and so much memory and processor time. Whatever happens to it, the till sells on.
"""

import os
import resource
import sys
from contextlib import suppress
from importlib import import_module

from daemon.customers.pictures import PICTURE_BYTES_MAX, PictureError, small_picture

MEMORY_BYTES_MAX = 1024**3
"""40 million pixels of WebP take some 650 MB while they are decoded."""
PROCESSOR_S_MAX = 10


def main() -> int:
    """Read a file from the standard input; write the picture as it is kept.

    Returns: the exit status: 0, or the ``Problem``.
    """
    confine()
    file = sys.stdin.buffer.read(PICTURE_BYTES_MAX + 1)
    try:
        kept = small_picture(file)
    except PictureError as error:
        return error.problem
    sys.stdout.buffer.write(kept)
    return 0


def confine() -> None:
    """Give up, for good, all that reading a picture does not need."""
    from PIL.Image import preinit

    # All that is imported on the way is there before no file can be opened any more.
    preinit()
    for decoder in ("TiffImagePlugin", "WebPImagePlugin"):
        import_module(f"PIL.{decoder}")
    with suppress(OSError):  # systemd may forbid it; it is a favour to the checkout, no promise
        os.nice(10)
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES_MAX,
        resource.RLIMIT_CPU: PROCESSOR_S_MAX,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in limits.items():
        resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    sys.exit(main())
