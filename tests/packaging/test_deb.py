"""The Debian package, from an empty Debian to a sale and back again. ``make deb`` runs this.

Slow (an empty Debian takes minutes), needs root and a Debian mirror: not part of ``make test``.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
DIST = ROOT / "dist"
RELEASE = "bookworm"  # the one with Python 3.11
MINUTES_MAX = 15
AS_SERVICE = "setpriv --reuid tillcard --regid tillcard --init-groups"
# Own processes, devices and network: nothing of this machine is met, nothing of it is left.
INSIDE = """
ip link set lo up
mount -t proc proc "$0/proc" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$0/dev/pts"
exec chroot "$0" sh -euc "$1"
"""
# It names every file that it reads, and every line that it does not understand.
UDEV_READS_ITS_RULES = "udevadm test --action=add /devices/virtual/mem/null"
# The unit's MemoryDenyWriteExecute= without systemd: PR_SET_MDWE of prctl(2), since Linux 6.3.
LOCKED_IN = (
    "import ctypes, os; ctypes.CDLL(None).prctl(65, 1, 0, 0, 0);"
    "os.execv('/usr/bin/tillcard', ['tillcard', 'demo', '--once', '--home', '/tmp/demo'])"
)


class Debian:
    """An empty Debian in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, script: str) -> str:
        """Run ``script`` inside, cut off from everything; return what it said on stdout."""
        words = ["unshare", "-mnpf", "sh", "-euc", INSIDE, str(self.root), script]
        return _run(words)

    def install(self, package: Path | str) -> None:
        """Install a package, built here or Debian's, and what it depends on, and nothing else."""
        name = package
        if isinstance(package, Path):
            name = f"/tmp/{package.name}"
            (self.root / "tmp" / package.name).write_bytes(package.read_bytes())
        words = ["apt-get", "install", "--yes", "--no-install-recommends", str(name)]
        _run(["chroot", str(self.root), "env", "DEBIAN_FRONTEND=noninteractive", *words])


def _run(words: list[str]) -> str:
    ran = subprocess.run(words, capture_output=True, text=True, timeout=60 * MINUTES_MAX)
    assert ran.returncode == 0, f"{words[-1]}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture
def package() -> Path:
    packages = sorted(DIST.glob("tillcard_*.deb"), key=lambda path: path.stat().st_mtime)
    assert packages, "there is no package; `make deb` builds one"
    return packages[-1]


@pytest.fixture
def debian(tmp_path: Path) -> Iterator[Debian]:
    assert os.geteuid() == 0, "an empty Debian is made by root"
    root = tmp_path / "debian"
    _run(["debootstrap", "--variant=minbase", RELEASE, str(root)])
    yield Debian(root)
    shutil.rmtree(root)  # some hundred megabytes


def test_the_package_installs_sells_and_leaves_the_ledger_behind(
    debian: Debian, package: Path
) -> None:
    debian.install(package)
    units = "/lib/systemd/system/tillcard.service /lib/systemd/system/tillcard.socket"
    assert debian.run(f"systemd-analyze verify --man=no {units} 2>&1") == ""

    debian.install("udev")
    said = debian.run(f"mount -t sysfs sysfs /sys; {UDEV_READS_ITS_RULES} 2>&1 | grep 60-tillcard")
    assert len(said.splitlines()) == 1, f"udev finds something wrong with a rule: {said}"

    sold = debian.run(f'cd /tmp && {AS_SERVICE} /opt/tillcard/bin/python -c "{LOCKED_IN}"')
    assert "TO PAY" in sold

    status = debian.run(f"""
        install -d -o tillcard /run/tillcard
        systemd-socket-activate --listen=/run/tillcard/pos.sock --fdname=pos \
            {AS_SERVICE} tillcard run --config /etc/tillcard/tillcard.toml \
            --home /var/lib/tillcard >/tmp/run.log 2>&1 &
        until [ -S /run/tillcard/pos.sock ]; do :; done
        tillcard call status || cat /tmp/run.log
        kill $! && wait $!
    """)
    assert '"terminal": "till-1"' in status

    debian.install("sqlite3")
    page = (ROOT / "docs/install.md").read_text("utf-8")
    commands = "".join(re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL))
    said = debian.run(f"useradd cashier\n{commands}\nid -nG cashier")
    assert "The ledger is whole." in said
    assert said.splitlines()[-1] == "cashier tillcard"

    debian.run("dpkg --remove tillcard")
    assert not (debian.root / "opt/tillcard").exists()
    assert not (debian.root / "usr/bin/tillcard").exists()
    assert (debian.root / "etc/tillcard/tillcard.toml").exists(), "the owner's settings stay"
    debian.run("dpkg --purge tillcard")
    assert not (debian.root / "etc/tillcard").exists()
    assert (debian.root / "var/lib/tillcard/tillcard.db").exists(), "money is never removed"
