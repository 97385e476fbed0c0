"""Fuzz one target along its coverage: ``python -m tests.fuzz.guided TARGET -runs=1000000``.

Starts from the target's own pieces. Needs atheris, which stands in the ``soak`` extra.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["card_formats", "daemon.customers.pictures", "daemon.readers"]
):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    target = TARGETS[sys.argv[1]]

    def run(data: bytes) -> None:
        target.run(data)

    with tempfile.TemporaryDirectory() as corpus:
        for index, piece in enumerate(target.pieces):
            (Path(corpus) / str(index)).write_bytes(piece)
        atheris.Setup([sys.argv[0], *sys.argv[2:], corpus], run)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
