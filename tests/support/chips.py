"""A shop whose bonus lies on chips: its configuration, its keys, its programme."""

from pathlib import Path

from daemon.keys.chip_keys import make_chip_keys
from daemon.keys.hot_list_keys import make_hot_list_keys
from tests.support.till import lay_out

PROGRAMME = """
[programme]
id = "chips"
currency = "UAH"
tz = "Europe/Kyiv"

[[purse]]
id = "bonus"
unit = "UAH"
where = "chip"

[[purse]]
id = "stamps"
unit = "stamp"
worth = 100

[[rule]]
id = "bonus-earn"
give = { earn = "bonus", percent = 5 }

[[rule]]
id = "bonus-burn"
give = { burn = "bonus", max_percent = 50 }

[[rule]]
id = "stamps-earn"
give = { earn = "stamps", amount = 10 }

[[rule]]
id = "stamps-burn"
give = { burn = "stamps", max_percent = 50 }
"""
SIMULATED = 'name = "chip"\nkind = "simulated"\ndevice = "chip"'
SECTION = """[chip]
cap = 100000

[simulated]
chip = "purse"
"""


def lay_out_chips(home: Path, section: str = SECTION) -> None:
    """Write the sample configuration with a purse on the sample chip."""
    lay_out(home, PROGRAMME, **{"[simulated]\n": section})
    if not (home / "chip.keys").exists():
        make_chip_keys(home / "chip.keys")
        make_hot_list_keys(home / "hot-list.key", home / "hot-list.pub")


def lay_out_real(home: Path, readers: int = 1) -> None:
    """Write a configuration with real readers for chips, as pcscd's virtual ones are named."""
    lay_out_chips(home, "[chip]\ncap = 100000\n\n[simulated]\n")
    path = home / "tillcard.toml"
    real = 'name = "chip"\nkind = "pcsc"\ndevice = "Virtual PCD 00 00"'
    if readers == 2:
        real += '\n\n[[reader]]\nname = "other"\nkind = "pcsc"\ndevice = "Virtual PCD 00 01"'
    text = path.read_text("utf-8")
    assert SIMULATED in text
    path.write_text(text.replace(SIMULATED, real), "utf-8")
