"""``tillcard doctor`` on a machine laid out in a folder: what is attached, and what it needs."""

import grp
import os
from pathlib import Path

import pytest

from daemon.cli.doctor_devices import attached
from daemon.readers.simulated.wires import POS_DESCRIPTOR

MOUSE = bytes.fromhex("05010902A101")
# Its greatest value, 8C05, is written as a scanner's usage page is.
GAMEPAD = bytes.fromhex("05010905A101 0930 1500 26058C 7510 9501 8102 C0")


def hidraw(root: Path, name: str, vendor: str, product: str, descriptor: bytes) -> None:
    device = root / "sys/class/hidraw" / name / "device"
    device.mkdir(parents=True)
    (device / "uevent").write_text(f"HID_ID=0003:0000{vendor}:00000011\nHID_NAME={product}\n")
    (device / "report_descriptor").write_bytes(descriptor)
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev" / name).touch()


def usb(root: Path, name: str, product: str, interface_class: str, control: str) -> None:
    device = root / "sys/bus/usb/devices" / name
    (device / "power").mkdir(parents=True)
    (device / "power/control").write_text(f"{control}\n")
    (device / "product").write_text(f"{product}\n")
    (device / f"{name}:1.0").mkdir()
    (device / f"{name}:1.0/bInterfaceClass").write_text(f"{interface_class}\n")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    hidraw(tmp_path, "hidraw0", "046D", "A mouse", MOUSE)
    hidraw(tmp_path, "hidraw1", "05E0", "Symbol DS9308", POS_DESCRIPTOR)
    hidraw(tmp_path, "hidraw2", "0801", "Mag-Tek USB Swipe Reader", MOUSE)
    hidraw(tmp_path, "hidraw3", "054C", "A gamepad", GAMEPAD)
    (tmp_path / "dev/tillcard").mkdir()
    (tmp_path / "dev/tillcard/usb-Symbol_DS9308-if00").symlink_to("../hidraw1")
    (tmp_path / "dev/input/by-id").mkdir(parents=True)
    (tmp_path / "dev/input/by-id/usb-Datalogic_QD2400-event-kbd").touch()
    (tmp_path / "dev/input/by-id/usb-Datalogic_QD2400-event-mouse").touch()
    usb(tmp_path, "1-1", "ACR1252 Dual Reader", "0b", "auto")
    usb(tmp_path, "1-2", "OMNIKEY 5022", "0b", "on")
    usb(tmp_path, "1-3", "A mouse", "03", "auto")
    return tmp_path


def said(machine: Path) -> list[str]:
    return [f"{what} -> {mend}" for _, what, mend in attached((), machine)]


def found(machine: Path, words: str) -> str:
    (finding,) = [finding for finding in said(machine) if words in finding]
    return finding


def test_a_scanner_in_pos_mode_goes_by_the_name_that_stays(machine: Path) -> None:
    device = machine / "dev/tillcard/usb-Symbol_DS9308-if00"
    assert f'Symbol DS9308): kind = "hidraw", device = "{device}"' in found(machine, "POS mode")


def test_a_magtek_reader_is_known_by_its_vendor_and_says_what_to_configure(machine: Path) -> None:
    finding = found(machine, "MagTek stripe reader")
    assert finding.startswith("MagTek stripe reader (Mag-Tek USB Swipe Reader)")
    assert 'medium = "stripe", report = "magtek"' in finding


def test_a_device_without_our_rule_is_named_as_one_that_may_change(machine: Path) -> None:
    finding = found(machine, "another name")
    assert "hidraw2" in finding
    assert "60-tillcard.rules" in finding


def test_a_keyboard_may_be_the_scanner_and_a_mouse_is_passed_over(machine: Path) -> None:
    finding = found(machine, "scanner that types")
    assert 'kind = "keyboard"' in finding
    assert "tillcard doctor scan" in finding
    assert not [finding for finding in said(machine) if "mouse" in finding]


def test_a_gamepad_whose_bytes_look_like_a_scanner_s_is_passed_over(machine: Path) -> None:
    assert not [finding for finding in said(machine) if "A gamepad" in finding]


def test_a_reader_that_may_be_put_to_sleep_is_named_with_the_mend(machine: Path) -> None:
    finding = found(machine, "put to sleep")
    assert "ACR1252 Dual Reader (USB 1-1)" in finding


def test_a_device_that_this_user_may_not_open_is_named_with_its_group(machine: Path) -> None:
    findings = list(attached((), machine, lambda device: "Datalogic" not in device))
    (denied,) = [finding for finding in findings if "may not open" in finding.what]
    assert "Datalogic" in denied.what
    assert grp.getgrgid(os.getgid()).gr_name in denied.mend
