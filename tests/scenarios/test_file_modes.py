"""What ``run`` and ``demo`` write is the daemon's alone, whatever umask they are started with."""

from pathlib import Path

from daemon.pos.socket_file import FOLDER_MODE, SOCKET_MODE
from tests.support.processes import TILLCARD, daemon_of, output_of
from tests.support.till import PATIENCE_S, Pos, lay_out

LAX = 0o022


def modes(home: Path) -> dict[str, str]:
    return {path.name: f"{path.stat().st_mode & 0o777:o}" for path in home.iterdir()}


async def test_the_demo_s_files_are_its_owner_s(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    line = (*TILLCARD, "demo", "--once", "--chip", "--port", "0", "--home", home)
    status, said = await output_of(*line, patience_s=3 * PATIENCE_S, umask=LAX)
    assert status == 0, said
    found = modes(home)
    assert {"tillcard.db", "simulated-chip.json", "chip.keys", "tillcard.toml"} <= found.keys()
    assert set(found.values()) == {"600"}


async def test_a_running_till_s_ledger_is_its_own_and_its_socket_the_group_s(
    tmp_path: Path,
) -> None:
    lay_out(tmp_path, **{'path = "pos.sock"': 'path = "run/pos.sock"'})
    before = set(modes(tmp_path))
    async with daemon_of(tmp_path, umask=LAX):
        async with Pos.connect(tmp_path / "run/pos.sock") as pos:
            await pos.call("status")
        socket = (tmp_path / "run/pos.sock").stat().st_mode & 0o777
        found = {name: mode for name, mode in modes(tmp_path).items() if name not in before}
    assert (socket, found.pop("run")) == (SOCKET_MODE, f"{FOLDER_MODE:o}")
    assert {"tillcard.db", "tillcard.db-wal"} <= found.keys()
    assert set(found.values()) == {"600"}
