"""A shop whose bonus lies on chips: its configuration, its keys, its programme."""

from pathlib import Path

from daemon.keys import make_chip_keys
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
