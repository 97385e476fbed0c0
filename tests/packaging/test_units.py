"""What the package tells systemd, udev, polkit and sysusers, asked of those themselves."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.async_api import Browser

from daemon.app.running import SOCKET_FD_NAME
from daemon.app.startup import read_programme
from daemon.base import config as configuration
from daemon.pos.peers import TILL_GROUP
from daemon.pos.socket_file import SERVICE_FOLDER, SOCKET_NAME

PACKAGING = Path(__file__).parent.parent.parent / "packaging"
PROGRAM = "/opt/tillcard/bin/tillcard"
EXPOSURE_MAX = 20  # tenths; `systemd-analyze security` calls up to 4.9 OK, and 9.6 no hardening


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Both units, with a program that stands on this machine."""
    folder = tmp_path / "units"
    shutil.copytree(PACKAGING / "systemd", folder)
    service = folder / "tillcard.service"
    text = service.read_text("utf-8")
    assert PROGRAM in text
    service.write_text(text.replace(PROGRAM, "/bin/true"), "utf-8")
    return folder


def systemd(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_systemd_finds_no_fault_with_the_units(units: Path) -> None:
    paths = [str(units / name) for name in ("tillcard.service", "tillcard.socket")]
    said = systemd("systemd-analyze", "verify", "--man=no", *paths)
    # It exits with 0 on a key that it does not know, and says so.
    ours = [line for line in said.stderr.splitlines() if "tillcard" in line]
    assert (said.returncode, ours) == (0, [])


def test_systemd_would_find_a_misspelt_key(units: Path) -> None:
    with (units / "tillcard.service").open("a", encoding="utf-8") as service:
        service.write("[Service]\nProtectHoem=yes\n")
    said = systemd("systemd-analyze", "verify", "--man=no", str(units / "tillcard.service"))
    assert "ProtectHoem" in said.stderr


def test_the_service_is_locked_in(units: Path) -> None:
    said = systemd(
        *("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}"),
        str(units / "tillcard.service"),
    )
    assert said.returncode == 0, said.stdout


def test_a_crash_of_the_service_writes_no_memory_to_the_disk() -> None:
    text = (PACKAGING / "systemd/tillcard.service").read_text("utf-8")
    assert re.search(r"^LimitCORE=0$", text, re.MULTILINE)


def test_the_units_and_the_daemon_mean_the_same_socket() -> None:
    text = (PACKAGING / "systemd/tillcard.socket").read_text("utf-8")
    keys = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    assert keys["ListenStream"] == f"{SERVICE_FOLDER}/{SOCKET_NAME}"
    assert keys["FileDescriptorName"] == SOCKET_FD_NAME
    assert (keys["SocketGroup"], keys["SocketMode"]) == (TILL_GROUP, "0660")


def test_sysusers_makes_the_user_and_its_group(tmp_path: Path) -> None:
    conf = (PACKAGING / "sysusers/tillcard.conf").read_text("utf-8")
    (tmp_path / "etc").mkdir()
    lines = [line for line in conf.splitlines() if not line.startswith("#")]
    said = systemd("systemd-sysusers", f"--root={tmp_path}", "--inline", *lines)
    assert said.returncode == 0, said.stderr
    (user,) = (tmp_path / "etc/passwd").read_text("utf-8").splitlines()
    name, _, _, _, _, home, shell = user.split(":")
    assert (name, home) == ("tillcard", "/var/lib/tillcard")
    assert shell.endswith("nologin")
    assert (tmp_path / "etc/group").read_text("utf-8").startswith(f"{TILL_GROUP}:")


async def test_polkit_lets_the_daemon_s_user_reach_pcscd_and_decides_nothing_else(
    browser: Browser,
) -> None:
    rule = (PACKAGING / "polkit/50-tillcard.rules").read_text("utf-8")
    script = f"""([id, user]) => {{
        let decide;
        const polkit = {{
            Result: {{YES: "yes", NOT_HANDLED: "-"}}, addRule: rule => {{ decide = rule; }}
        }};
        {rule}
        return decide({{id: id}}, {{user: user}});
    }}"""
    page = await browser.new_page()
    for action in ("access_pcsc", "access_card"):
        name = f"org.debian.pcsc-lite.{action}"
        assert await page.evaluate(script, [name, "tillcard"]) == "yes"
        assert await page.evaluate(script, [name, "guest"]) == "-"
    assert await page.evaluate(script, ["org.freedesktop.login1.reboot", "tillcard"]) == "-"


def test_every_udev_rule_is_one_that_udev_can_read() -> None:
    key = r"(ACTION|SUBSYSTEM|LABEL|GOTO|GROUP|MODE|TEST|ENV\{\w+\}|ATTRS?\{[\w/]+\})"
    key = rf"({key}(==|=)|IMPORT\{{builtin\}}=|SYMLINK\+=)"
    token = rf'{key}"[^"]+"'
    text = (PACKAGING / "udev/60-tillcard.rules").read_text("utf-8")
    for rule in text.splitlines():
        assert not rule or rule.startswith("#") or re.fullmatch(rf"{token}(, {token})*", rule), rule
    labels = set(re.findall(r'LABEL="(\w+)"', text))
    assert set(re.findall(r'GOTO="(\w+)"', text)) == labels


def test_the_configuration_that_is_installed_loads_and_leaves_every_device_alone() -> None:
    config = configuration.load(PACKAGING / "etc/tillcard.toml")
    assert config.reader == ()
    assert config.socket.path == "", "systemd's socket, or the runtime directory's"
    read_programme(PACKAGING.parent / "docs/programmes/first.toml")
