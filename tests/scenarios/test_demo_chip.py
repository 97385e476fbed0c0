"""``tillcard demo --chip``: the bonus lies on the sample chip and pays."""

import socket
import subprocess
import sys
from pathlib import Path

from tests.support.till import PATIENCE_S


def demo(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "daemon", "demo", "--once", "--home", str(home), *words]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=3 * PATIENCE_S)


def test_the_demo_pays_from_the_chip_and_the_chip_remembers(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    first, second = demo(home, "--chip"), demo(home, "--chip")
    for said in (first, second):
        assert said.returncode == 0, said.stderr
        assert "written on the chip: 9 APDUs" in said.stdout
    # 5 % of 749.00 pay for the first sale; what that earned pays for the second.
    assert "Paid from bonus                         -37.45" in first.stdout
    assert "Paid from bonus                         -37.91" in second.stdout


def test_a_demo_without_a_purse_on_its_chip_says_so(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    assert demo(home).returncode == 0
    refused = demo(home, "--chip")
    assert refused.returncode == 1
    assert "has no purse on its chip" in refused.stderr


def test_two_demos_run_side_by_side_on_ports_of_their_own(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        refused = demo(tmp_path / "first", "--port", taken)
        assert refused.returncode == 1
        assert "web.port" in refused.stderr
    assert demo(tmp_path / "second", "--port", "0").returncode == 0
