"""``tillcard demo --chip``: the bonus lies on the sample chip and pays."""

import socket
from pathlib import Path

from tests.support.processes import TILLCARD, output_of
from tests.support.till import PATIENCE_S


async def demo(home: Path, *words: str, port: int = 0) -> tuple[int, str]:
    line = (*TILLCARD, "demo", "--once", "--port", str(port), "--home", str(home), *words)
    return await output_of(*line, patience_s=3 * PATIENCE_S)


async def test_the_demo_pays_from_the_chip_and_the_chip_remembers(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    # 5 % of 749.00 pay for the first sale; what that earned pays for the second.
    for paid in ("Paid from bonus                         -37.45", "-37.91"):
        status, said = await demo(home, "--chip")
        assert status == 0, said
        assert "written on the chip: 9 APDUs" in said
        assert paid in said
    settings = (home / "tillcard.toml").read_text("utf-8")
    assert "# What the sample cards say when `input.simulate` shows them.\n[simulated]" in settings


async def test_a_demo_without_a_purse_on_its_chip_says_so(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    assert (await demo(home))[0] == 0
    files = sorted(home.iterdir())
    status, said = await demo(home, "--chip")
    assert (status, "has no purse on its chip; name another folder" in said) == (1, True), said
    assert sorted(home.iterdir()) == files, "nothing is written where it cannot start"


async def test_what_waits_for_a_chip_is_called_so_on_the_demo_s_receipt(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    assert (await demo(home, "--chip"))[0] == 0
    status, said = await demo(home)
    assert (status, "bonus, waiting for the chip" in said, "owed" in said) == (0, True, False), said


async def test_two_demos_run_side_by_side_on_ports_of_their_own(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        status, said = await demo(tmp_path / "first", port=other.getsockname()[1])
        assert (status, "choose another port with --port" in said) == (1, True), said
        assert not (tmp_path / "first").exists(), "nothing is written where it cannot start"
    assert (await demo(tmp_path / "second"))[0] == 0
