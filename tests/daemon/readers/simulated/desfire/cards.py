"""Cards for these tests: one AES application with four keys, and randomness that is known."""

from collections.abc import Callable, Iterable
from random import Random

from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.card_files import File
from daemon.readers.simulated.desfire.card_state import AS_OBSERVED, Traits
from daemon.readers.simulated.desfire.cipher import Key, KeyKind
from daemon.readers.simulated.desfire.memory import Application, Generation, Memory

UID = bytes.fromhex("04958CAA5C5E80")
AID = 0x585443
KEYS = tuple(bytes((number,)) * 16 for number in range(4))


def seeded(seed: int = 1) -> Callable[[int], bytes]:
    return Random(seed).randbytes


def scripted(answers: Iterable[str]) -> Callable[[int], bytes]:
    """Give these bytes, one after the other."""
    script = iter([bytes.fromhex(answer) for answer in answers])

    def random(count: int) -> bytes:
        drawn = next(script)
        assert len(drawn) == count
        return drawn

    return random


def memory(
    files: dict[int, File] | None = None,
    *,
    keys: tuple[bytes, ...] = KEYS,
    settings: int = 0x0F,
    generation: Generation = Generation.EV2,
) -> Memory:
    aes = tuple(Key(KeyKind.AES, key) for key in keys)
    application = Application(settings, aes, files or {})
    return Memory(uid=UID, generation=generation, applications={AID: application})


def card(
    files: dict[int, File] | None = None,
    *,
    settings: int = 0x0F,
    generation: Generation = Generation.EV2,
    traits: Traits = AS_OBSERVED,
) -> DesfireCard:
    kept = memory(files, settings=settings, generation=generation)
    return DesfireCard(kept, seeded(), traits)
