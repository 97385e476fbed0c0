"""The simulated readers and cards that the configuration asks for."""

from pathlib import Path

from daemon.accounts.phones import Phones
from daemon.base.clock import Clock
from daemon.base.config import Config, ConfigError
from daemon.keys.chip_keys import ChipKeys
from daemon.pos.errors import invalid
from daemon.pos.inputs import Inputs
from daemon.pos.protocol import SimulateParams
from daemon.readers.simulated.purse_card import purse_card
from daemon.readers.simulated.sample_cards import sample_cards
from daemon.readers.simulated.simulator import Simulator

PHONE_SHOWN = {"scan": "]Q1", "type": ""}
"""How the sample phone is shown, and what stands before its code then."""


def simulator_of(config: Config, clock: Clock, home: Path, keys: ChipKeys | None) -> Simulator:
    """Return the simulator of the sample cards, or one without cards where none are asked for."""
    sample = config.simulated
    if sample is None:
        return Simulator({}, clock)
    chip, uid = None, bytes.fromhex(sample.chip_uid)
    if sample.chip == "purse":
        if keys is None or config.chip is None:
            raise ConfigError("simulated.chip", "a purse is made with the keys of [chip]")
        path = home / "simulated-chip.json"
        chip = purse_card(path, uid, keys.card_keys(uid), cap=config.chip.cap)
    cards = sample_cards(
        plastic=sample.plastic,
        phone=sample.phone,
        stripe=sample.stripe,
        chip_uid=uid,
        chip=chip,
    )
    return Simulator(cards, clock)


class SimulatedInput:
    """Plays at the simulated readers what ``input.simulate`` asks for."""

    def __init__(
        self, config: Config, simulator: Simulator, inputs: Inputs, phones: Phones
    ) -> None:
        self._sample = config.simulated
        self._prefix = config.card_numbers.rotating_prefix
        self._simulator = simulator
        self._inputs = inputs
        self._phones = phones

    async def play(self, params: SimulateParams) -> None:
        """Do it, and return when the till has seen what it causes.

        Raises: ProtocolFaultError INVALID_PARAMS for what cannot be done at that reader.
        """
        card, data = params.card or "", params.data or ""
        if self._sample and card == "phone" and not data and params.do in PHONE_SHOWN:
            code = await self._phones.simulated_code(self._sample.phone, self._prefix)
            data = PHONE_SHOWN[params.do] + code if code else ""
        try:
            async with self._inputs.seen(params.reader, params.do):
                self._simulator.do(params.reader, params.do, card, data)
        except ValueError as error:
            raise invalid(str(error)) from error
