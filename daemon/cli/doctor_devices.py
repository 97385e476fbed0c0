"""What ``tillcard doctor`` finds attached to the machine, and what each device needs."""

import grp
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from daemon.readers import hid, pcsc, serial_port, usb_power
from daemon.readers.errors import ReaderDeniedError, ReaderError

ROOT = Path("/")
_SCAN = "a scanner's settings are found by: tillcard doctor scan {device}"
_UDEV = "install packaging/udev/60-tillcard.rules, then: udevadm trigger"
_ITS_USER = "the user who runs the daemon"


class Finding(NamedTuple):
    """One thing looked at. ``mend`` says what to do about it, or ""."""

    verdict: Literal["ok", "note", "WRONG"]
    what: str
    mend: str = ""


def may_open(device: str) -> bool:
    """Whether this user may."""
    return os.access(device, os.R_OK)


def attached(
    pcsc_readers: Sequence[str] = (),
    root: Path = ROOT,
    allowed: Callable[[str], bool] = may_open,
) -> Iterator[Finding]:
    """Look at every kind of reader that this machine may have; ``root`` has its /dev and /sys.

    pcsc_readers: the names of those that the configuration has behind pcscd.
    """
    yield from _pcsc(pcsc_readers)
    for device, findings in (*_serial(), *_keyboards(root), *_hidraw(root)):
        yield from findings
        if device and not allowed(device):
            yield _no_right(device)
    for name in usb_power.sleepy(root):
        yield Finding("note", f"{name} may be put to sleep and then misses the first card", _UDEV)


def _pcsc(configured: Sequence[str]) -> Iterator[Finding]:
    try:
        names = pcsc.attached()
    except ReaderDeniedError as error:
        mend = "install packaging/polkit/50-tillcard.rules, or run the daemon as user tillcard"
        yield Finding("WRONG", f"PC/SC: {error}", mend)
        return
    except ReaderError as error:
        mend = "for contactless readers: apt-get install pcscd; systemctl start pcscd"
        yield Finding("note", f"PC/SC: {error}", mend)
        for reader in configured:
            yield Finding("WRONG", f"reader {reader} needs pcscd, which does not answer", mend)
        return
    for name in names:
        yield Finding("ok", f'contactless reader: kind = "pcsc", device = "{name}"')
    if not names:
        yield Finding("note", "pcscd runs and shows no reader", "is the reader's cable in?")


def _serial() -> Iterator[tuple[str, list[Finding]]]:
    devices = serial_port.attached()
    for device in devices:
        what = f'serial device: kind = "serial", device = "{device}"'
        yield device, [Finding("ok", what, _SCAN.format(device=device))]
    if not devices:
        yield "", [Finding("note", "no serial scanner or stripe reader is attached")]


def _keyboards(root: Path) -> Iterator[tuple[str, list[Finding]]]:
    for device in hid.attached_keyboards(root):
        what = f'keyboard, or a scanner that types: kind = "keyboard", device = "{device}"'
        mend = f"only if it is the scanner; {_SCAN.format(device=device)}"
        yield device, [Finding("ok", what, mend)]


def _hidraw(root: Path) -> Iterator[tuple[str, list[Finding]]]:
    kinds = {"pos": "scanner in HID POS mode", "magtek": "MagTek stripe reader"}
    for device, report, product in hid.attached_hidraw(root):
        extra = ', medium = "stripe", report = "magtek"' if report == "magtek" else ""
        what = f'{kinds[report]} ({product}): kind = "hidraw", device = "{device}"{extra}'
        findings = [Finding("ok", what)]
        if Path(device).name.startswith("hidraw"):
            findings.append(
                Finding("note", f"{device} may have another name after the next start", _UDEV)
            )
        yield device, findings


def _no_right(device: str) -> Finding:
    try:
        group = grp.getgrgid(os.stat(device).st_gid).gr_name
    except (OSError, KeyError):  # unplugged since it was listed; a group without a name
        group = "of the device"
    mend = f"usermod -a -G {group} {_ITS_USER}, then start the daemon again"
    return Finding("note", f"this user may not open {device}", mend)
