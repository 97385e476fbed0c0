"""Keyboard layouts: what each key of a scanner that types stands for.

A scanner presses the keys that would give its text on the layout it is set to. Source: the
``pc105`` symbols of xkeyboard-config 2.35 (us, de, fr azerty, be, gb, ua winkeys), with the dead
keys that Windows has in their place, because that is what scanners are made for.
"""

from typing import NamedTuple

# Key codes of linux/input-event-codes.h, row by row from the top left of an ISO keyboard.
_ROWS = ((41, *range(2, 14)), tuple(range(16, 28)), (*range(30, 41), 43), (86, *range(44, 54)))
CHARACTER_KEYS = tuple(code for row in _ROWS for code in row)
KEYPAD_KEYS = dict(
    zip((82, 79, 80, 81, 75, 76, 77, 71, 72, 73, 78, 74, 55, 98), "0123456789+-*/", strict=True)
)
KEYPAD_DECIMAL = 83
CONTROL_KEYS = {28: "\r", 96: "\r", 15: "\t", 57: " "}

# A dead key stands for itself when a space, or a letter that cannot wear it, follows.
DEAD = {"\u0302": "^", "\u0301": "\u00b4", "\u0300": "`", "\u0308": "\u00a8", "\u0303": "~"}


class Layout(NamedTuple):
    """Characters by key code without and with Shift, and with AltGr; dead keys are in ``DEAD``.

    caps:      the keys that Caps Lock shifts.
    ansi, oem: the code pages of Alt codes with and without a leading zero, as Windows has them.
    """

    plain: dict[int, str]
    shift: dict[int, str]
    altgr: dict[int, str]
    caps: frozenset[int]
    decimal: str
    ansi: str
    oem: str


def _layout(
    plain: str,
    shift: str,
    altgr: dict[str, str] | None = None,
    *,
    caps_leaves: str | None = None,
    decimal: str = ".",
    ansi: str = "cp1252",
    oem: str = "cp850",
) -> Layout:
    """Make a layout of its rows, top down, and of what AltGr makes of plain characters.

    caps_leaves: the plain characters that Caps Lock leaves where it shifts all others; None where
                 it makes capitals and no more.
    """
    by_key = dict(zip(CHARACTER_KEYS, plain, strict=True))
    shifted = dict(zip(CHARACTER_KEYS, shift, strict=True))
    third = altgr or {}
    capitals = {code for code, char in by_key.items() if char != char.upper() == shifted[code]}
    locked = {code for code, char in by_key.items() if char not in (caps_leaves or "")}
    return Layout(
        by_key,
        shifted,
        {code: third[char] for code, char in by_key.items() if char in third},
        frozenset(capitals if caps_leaves is None else locked),
        decimal,
        ansi,
        oem,
    )


LAYOUTS = {
    "us": _layout(
        "`1234567890-=" "qwertyuiop[]" "asdfghjkl;'\\" "\\zxcvbnm,./",
        "~!@#$%^&*()_+" "QWERTYUIOP{}" 'ASDFGHJKL:"|' "|ZXCVBNM<>?",
        oem="cp437",
    ),
    "gb": _layout(
        "`1234567890-=" "qwertyuiop[]" "asdfghjkl;'#" "\\zxcvbnm,./",
        '\u00ac!"\u00a3$%^&*()_+' "QWERTYUIOP{}" "ASDFGHJKL:@~" "|ZXCVBNM<>?",
        {"`": "\u00a6", "4": "\u20ac"},
    ),
    "de": _layout(
        "\u03021234567890\u00df\u0301" "qwertzuiop\u00fc+" "asdfghjkl\u00f6\u00e4#" "<yxcvbnm,.-",
        '\u00b0!"\u00a7$%&/()=?\u0300' "QWERTZUIOP\u00dc*" "ASDFGHJKL\u00d6\u00c4'" ">YXCVBNM;:_",
        {"2": "\u00b2", "3": "\u00b3", "7": "{", "8": "[", "9": "]", "0": "}", "\u00df": "\\",
         "q": "@", "e": "\u20ac", "+": "~", "<": "|", "m": "\u00b5"},
        decimal=",",
    ),
    "fr": _layout(
        "\u00b2&\u00e9\"'(-\u00e8_\u00e7\u00e0)=" "azertyuiop\u0302$" "qsdfghjklm\u00f9*"
        "<wxcvbn,;:!",
        "\u00b21234567890\u00b0+" "AZERTYUIOP\u0308\u00a3" "QSDFGHJKLM%\u00b5" ">WXCVBN?./\u00a7",
        {"\u00e9": "\u0303", '"': "#", "'": "{", "(": "[", "-": "|", "\u00e8": "\u0300",
         "_": "\\", "\u00e7": "^", "\u00e0": "@", ")": "]", "=": "}", "e": "\u20ac",
         "$": "\u00a4"},
        caps_leaves="\u00b2<",  # KBDFR of Windows: Caps Lock gives digits, as scanners count on
    ),
    "be": _layout(
        "\u00b2&\u00e9\"'(\u00a7\u00e8!\u00e7\u00e0)-" "azertyuiop\u0302$" "qsdfghjklm\u00f9\u00b5"
        "<wxcvbn,;:=",
        "\u00b31234567890\u00b0_" "AZERTYUIOP\u0308*" "QSDFGHJKLM%\u00a3" ">WXCVBN?./+",
        {"&": "|", "\u00e9": "@", '"': "#", "\u00a7": "^", "\u00e7": "{", "\u00e0": "}",
         "e": "\u20ac", "\u0302": "[", "$": "]", "\u00f9": "\u0301", "\u00b5": "\u0300",
         "<": "\\", "=": "\u0303"},
    ),
    "ua": _layout(
        "'1234567890-=" "йцукенгшщзхї" "фівапролджєґ" "/ячсмитьбю.",
        '~!"№;%:?*()_+' "ЙЦУКЕНГШЩЗХЇ" "ФІВАПРОЛДЖЄҐ" "|ЯЧСМИТЬБЮ,",
        {"г": "ґ"},
        ansi="cp1251",
        oem="cp866",
    ),
}  # fmt: skip
