"""How the product reads files: those that a person puts there may be pipes; see regular_files."""

import ast

from tests.house.source import PRODUCT, hold, place, tree_of

READS = ("read_text", "read_bytes")
OUR_OWN = {
    "daemon/cli/demo_command.py": "a sample that is installed with the program",
    "daemon/cli/doctor_scan_command.py": "a sheet that is installed with the program",
    "daemon/customers/import_columns.py": "words that are installed with the program",
    "daemon/pos/cashier_language.py": "translations that are installed with the program",
    "web/page_language.py": "translations that are installed with the program",
    "daemon/readers/hid.py": "the kernel's own, below /sys",
    "daemon/readers/usb_power.py": "the kernel's own, below /sys",
}


def test_a_file_of_the_shop_is_read_as_a_regular_file_or_not_at_all() -> None:
    found = {
        place(path): node.attr
        for path in PRODUCT
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in READS
    }
    hold(found, OUR_OWN)
