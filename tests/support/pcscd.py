"""A real pcscd with the virtual readers of vsmartcard, one per test module."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from smartcard import scard

from daemon.readers.simulated.vpcd import FIRST_PORT, HOST

SOCKET = Path("/run/pcscd/pcscd.comm")
START_TIMEOUT_S = 30.0


class Pcscd:
    """pcscd in the foreground: it can be started, killed and started again."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns once it serves both its clients and its virtual readers."""
        program = shutil.which("pcscd", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if program is None:
            pytest.fail("pcscd is not installed: run packaging/system-packages.sh test")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([program, "--foreground"], stdout=log, stderr=log)
        asyncio.run(self._until_it_serves())

    async def _until_it_serves(self) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not (self._serves()):
                    assert self._process is not None
                    if self._process.poll() is not None:
                        pytest.fail(f"pcscd ended at once: {self.log}")
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pytest.fail(f"no virtual readers (is vsmartcard-vpcd installed?): {self.log}")

    def _serves(self) -> bool:
        """Look without connecting: a connection to a virtual reader would be a card."""
        listening = Path("/proc/net/tcp").read_text("ascii")
        local = f"0100007F:{FIRST_PORT:04X}"
        anywhere = f"00000000:{FIRST_PORT:04X}"
        return SOCKET.is_socket() and (local in listening or anywhere in listening)

    @property
    def log(self) -> str:
        """The end of what it said."""
        return self._log.read_text("utf-8", "replace")[-2000:]

    def kill(self) -> None:
        """Kill it as a crash would (SIGKILL)."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self.kill()


def until_card_is_seen(reader: str) -> None:
    """Wait until pcscd tells its clients of the card on ``reader``.

    A virtual card has power a little before that (``VpcdCard.powered``); who connects in between
    is told that the reader is empty.
    """
    _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    try:
        state, patience_ms = scard.SCARD_STATE_UNAWARE, int(START_TIMEOUT_S * 1e3)
        while not state & scard.SCARD_STATE_PRESENT:
            asked = [(reader, state)]
            code, [(_, state, _)] = scard.SCardGetStatusChange(context, patience_ms, asked)
            assert code == scard.SCARD_S_SUCCESS, scard.SCardGetErrorMessage(code)
    finally:
        scard.SCardReleaseContext(context)


@pytest.fixture
def no_pcscd() -> None:
    """Make sure that no pcscd answers: for a test of what is said then."""
    with socket.socket(socket.AF_UNIX) as probe:
        assert probe.connect_ex(str(SOCKET)), "a pcscd runs"


@pytest.fixture(scope="module")
def pcscd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pcscd]:
    """Give the module a pcscd of its own, running."""
    with socket.socket() as probe:
        assert probe.connect_ex((HOST, FIRST_PORT)), "another pcscd has the virtual readers"
    service = Pcscd(tmp_path_factory.mktemp("pcscd") / "log")
    try:
        service.start()
        yield service
    finally:
        service.stop()
