"""``tillcard doctor scan`` with a scanner on a real pseudo-terminal, and its printed sheet."""

import asyncio
import io
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from importlib import resources
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from daemon.cli.doctor_scan_command import SHEET_NAME, reader_table
from daemon.readers.reader_settings import HidrawSettings, KeyboardSettings
from daemon.readers.scan_proposal import SHEET
from daemon.readers.simulated.pseudo_terminal import Terminal
from daemon.readers.simulated.wires import as_line, as_ssi
from tests.support.commands import tillcard
from tests.support.processes import started

ROOT = Path(__file__).parents[3]
COMMAND = (
    "import typer; from daemon.cli.doctor_scan_command import doctor_scan; typer.run(doctor_scan)"
)
IDENTIFIED = [aim + code for aim, code in zip(("]E0", "]C0", "]C1"), SHEET, strict=True)]
PATIENCE_S = 30


async def doctor_scan(terminal: Terminal, sheet: Path, sent: list[list[bytes]]) -> tuple[int, str]:
    """Run the command and answer each of its requests with the next of ``sent``."""
    command = (sys.executable, "-c", COMMAND, str(terminal.path), "--sheet", str(sheet))
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    said, scans = "", iter(sent)
    async with (
        started(*command, stdout=PIPE, stderr=STDOUT, env=environ) as process,
        asyncio.timeout(PATIENCE_S),
    ):
        assert process.stdout is not None
        while line := (await process.stdout.readline()).decode():
            said += line
            if line.startswith("Scan "):
                for piece in next(scans):
                    terminal.send(piece)
        return await process.wait(), said


@pytest.mark.parametrize(
    ("sent", "table"),
    [
        ([as_line(code.encode()) for code in IDENTIFIED], 'kind = "serial"'),
        ([as_line(b"S:" + code.encode()) for code in IDENTIFIED], 'prefix = "S:"'),
        ([as_ssi(code.encode()) for code in IDENTIFIED], 'protocol = "ssi"'),
    ],
)
async def test_three_scans_of_the_sheet_give_the_scanner_s_settings(
    tmp_path: Path, sent: list[list[bytes]], table: str
) -> None:
    terminal = Terminal(tmp_path / "scanner")
    terminal.plug()
    status, said = await doctor_scan(terminal, tmp_path / "sheet.png", sent)
    terminal.unplug()
    assert status == 0, said
    assert f'device = "{terminal.path}"' in said
    assert table in said
    assert (tmp_path / "sheet.png").exists()


async def test_other_codes_than_the_sheet_s_give_advice_and_status_1(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "scanner")
    terminal.plug()
    status, said = await doctor_scan(terminal, tmp_path / "sheet.png", [[b"590\r"]] * 3)
    terminal.unplug()
    assert status == 1
    assert "not the three codes of the sheet" in said


async def test_a_device_that_is_not_there_is_named(tmp_path: Path) -> None:
    status, said = await doctor_scan(Terminal(tmp_path / "none"), tmp_path / "sheet.png", [])
    assert status == 1
    assert f"{tmp_path}/none is not there" in said
    assert not (tmp_path / "sheet.png").exists(), "nothing is written for it"


@pytest.mark.parametrize("path", ["/dev/null", __file__])
async def test_what_no_scanner_can_be_is_called_so(path: str, tmp_path: Path) -> None:
    status, said = await doctor_scan(Terminal(Path(path)), tmp_path / "sheet.png", [])
    assert status == 1
    assert f"{path} is no device that a scanner could be" in said
    assert not (tmp_path / "sheet.png").exists()


def test_a_speed_that_no_scanner_has_is_refused_before_the_sheet_is_written(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    said = tillcard("doctor", "scan", "--baud", "1234", "/dev/tty", "--sheet", str(sheet))
    assert said.exit_code == 2
    assert "Invalid value for --baud: 1234 is none of 300, 600" in said.output
    assert not sheet.exists()


def test_a_sheet_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    sheet = tmp_path / "none" / "sheet.png"
    said = tillcard("doctor", "scan", "/dev/tty", "--sheet", str(sheet))
    assert said.exit_code == 1
    assert f"there is no folder {sheet.parent}; make it first" in said.output


def test_the_sheet_says_what_is_expected_of_it() -> None:
    png = (resources.files("daemon.cli") / "sample" / SHEET_NAME).read_bytes()
    picture = Image.open(io.BytesIO(png)).convert("L")
    read = zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain)
    assert [(code.symbology_identifier, code.text) for code in read] == list(
        zip(("]E0", "]C0", "]C1"), SHEET, strict=True)
    )


def test_the_table_says_only_what_is_not_usual() -> None:
    keyboard = KeyboardSettings(name="scanner", device="/dev/x", layout="de", gs_text="<GS>")
    assert reader_table(keyboard) == (
        '[[reader]]\nkind = "keyboard"\nname = "scanner"\ndevice = "/dev/x"\n'
        'gs_text = "<GS>"\nlayout = "de"'
    )
    assert "report" not in reader_table(HidrawSettings(name="scanner", device="/dev/x"))
