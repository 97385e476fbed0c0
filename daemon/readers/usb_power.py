"""USB devices that the kernel may put to sleep: a reader that sleeps misses the first tap."""

from pathlib import Path

# Smart card (a contactless reader) and communication (a serial scanner), as sysfs writes them.
# Source: USB-IF, Defined Class Codes.
_READER_CLASSES = ("0b", "02")


def sleepy(root: Path = Path("/")) -> list[str]:
    """Return the names of the attached readers that may be put to sleep."""
    found = []
    for device in sorted((root / "sys/bus/usb/devices").glob("*")):
        classes = {_said(path) for path in device.glob("*:*/bInterfaceClass")}
        if classes & set(_READER_CLASSES) and _said(device / "power/control") == "auto":
            found.append(f"{_said(device / 'product') or 'a reader'} (USB {device.name})")
    return found


def _said(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:  # it has no such attribute, or was unplugged since it was listed
        return ""
