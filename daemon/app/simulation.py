"""The simulated readers and cards that the configuration asks for."""

from pathlib import Path

from daemon.base.clock import Clock
from daemon.base.config import Config, ConfigError
from daemon.keys.chip_keys import ChipKeys
from daemon.readers.simulated.purse_card import purse_card
from daemon.readers.simulated.sample_cards import sample_cards
from daemon.readers.simulated.simulator import Simulator


def simulator_of(config: Config, clock: Clock, home: Path, keys: ChipKeys | None) -> Simulator:
    """Return the simulator of the sample cards, or one without cards where none are asked for."""
    said = config.simulated
    if said is None:
        return Simulator({}, clock)
    chip, uid = None, bytes.fromhex(said.chip_uid)
    if said.chip == "purse":
        if keys is None or config.chip is None:
            raise ConfigError("simulated.chip", "a purse is made with the keys of [chip]")
        path = home / "simulated-chip.json"
        chip = purse_card(path, uid, keys.card_keys(uid), cap=config.chip.cap)
    cards = sample_cards(
        plastic=said.plastic,
        phone=said.phone,
        stripe=said.stripe,
        chip_uid=uid,
        chip=chip,
    )
    return Simulator(cards, clock)
