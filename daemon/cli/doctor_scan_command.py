"""``tillcard doctor scan``: three scans of a sheet, and the settings that the scanner needs."""

import asyncio
import json
from importlib import resources
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from daemon.app.startup import in_words
from daemon.cli.written_files import check_folder
from daemon.readers.device_file import DeviceFile
from daemon.readers.errors import ReaderError
from daemon.readers.hid import layout_of, open_hidraw, open_keyboard, opened
from daemon.readers.reader_settings import (
    BAUDS,
    HidrawSettings,
    KeyboardSettings,
    SerialSettings,
)
from daemon.readers.scan_proposal import (
    SHEET,
    AnySettings,
    Proposal,
    propose_hidraw,
    propose_keyboard,
    propose_serial,
)
from daemon.readers.scan_recording import record_sheet
from daemon.readers.serial_port import open_port

SHEET_NAME = "scan-sheet.png"
NO_SCANNERS = (Path("/dev/null"), Path("/dev/zero"), Path("/dev/full"))
_CODES = ("the product", "the signs", "the GS1 code")


def doctor_scan(
    device: Annotated[
        Path,
        typer.Argument(help="/dev/serial/by-id/…, /dev/input/by-id/…-event-kbd or /dev/tillcard/…"),
    ],
    baud: Annotated[int, typer.Option(help="The speed of a serial port.")] = 9600,
    sheet: Annotated[Path, typer.Option(help="Where to put the sheet to print.")] = Path(
        SHEET_NAME
    ),
) -> None:
    """Find out how a scanner is set: print a sheet, scan its three codes, copy the settings.

    Stop the daemon first: it holds the scanners that it is configured with.
    """
    if baud not in BAUDS:
        known = f"{baud} is none of {', '.join(map(str, BAUDS))}"
        raise typer.BadParameter(known, param_hint="--baud")
    if not device.exists():
        typer.echo(f"{device} is not there; tillcard doctor lists what is", err=True)
        raise typer.Exit(1)
    if not (device.is_char_device() and device.resolve() not in NO_SCANNERS):
        typer.echo(f"{device} is no device that a scanner could be", err=True)
        raise typer.Exit(1)
    try:
        check_folder(sheet)
        sheet.write_bytes((resources.files("daemon.cli") / "sample" / SHEET_NAME).read_bytes())
    except OSError as error:
        typer.echo(f"tillcard: {in_words(error)}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"Print {sheet}, or show it on a screen.")
    try:
        proposal = asyncio.run(_propose(str(device), str(device.resolve()), baud))
    except ReaderError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except (TimeoutError, OSError) as error:
        typer.echo(f"nothing came from {device}: is this the scanner?", err=True)
        raise typer.Exit(1) from error
    for advice in proposal.advice:
        typer.echo(f"-> {advice}")
    if proposal.settings is None:
        raise typer.Exit(1)
    typer.echo(reader_table(proposal.settings))


async def _propose(path: str, node: str, baud: int) -> Proposal:
    """Ask for the three scans; ``node`` is the kernel's own name of the device at ``path``.

    Raises: ReaderError, TimeoutError, OSError.
    """
    if node.startswith("/dev/input/"):
        with opened(path, open_keyboard) as fd:
            scans = await _scans(fd)
        return propose_keyboard(KeyboardSettings(name="scanner", device=path), _joined(scans))
    if node.startswith("/dev/hidraw"):
        with opened(path, open_hidraw) as fd:
            layout, scans = layout_of(fd), await _scans(fd)
        return propose_hidraw(HidrawSettings(name="scanner", device=path), layout, scans)
    settings = SerialSettings(name="scanner", device=path, baud=baud)
    with open_port(settings) as port:
        return propose_serial(settings, _joined(await _scans(port.fileno())))


async def _scans(fd: int) -> list[list[bytes]]:
    return await record_sheet(DeviceFile(fd), _ask, len(SHEET))


def _joined(scans: list[list[bytes]]) -> list[bytes]:
    return [b"".join(pieces) for pieces in scans]


def _ask(number: int) -> None:
    typer.echo(f"Scan {_CODES[number]} ({number + 1} of {len(SHEET)}).")


def reader_table(settings: AnySettings) -> str:
    """Return the ``[[reader]]`` table of ``settings``, what is usual left out."""
    usual = msgspec.to_builtins(type(settings)(name="", device=""))
    written = msgspec.to_builtins(settings)
    keys = [key for key in written if key == "kind" or written[key] != usual[key]]
    # A JSON string or number is a TOML one as well.
    return "\n".join(["[[reader]]", *(f"{key} = {json.dumps(written[key])}" for key in keys)])
