from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from card_formats.check_digits import Check
from card_formats.chip.uid import read_uid
from card_formats.credential import Credential, Medium, Trust
from card_formats.errors import BankCardError, UnknownFormatError
from card_formats.number_ranges import NumberRange
from card_formats.registry import decode, recognise
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.readers import Presented, ReaderState, Removed, Unreadable
from daemon.readers.errors import CardLostError, NoCardError, ReaderLostError
from daemon.readers.reader_settings import SimulatedSettings
from daemon.readers.registry import build_readers
from daemon.readers.simulated.sample_cards import sample_cards
from daemon.readers.simulated.simulator import DATA_BYTES_MAX, KINDS, Simulator
from daemon.readers.supervisor import Supervisor
from tests.support.clock import HandClock
from tests.support.events import next_event, running, until_state

RANGES = (
    NumberRange(name="plastic", prefix="2900", length=13, check=Check.EAN),
    NumberRange(name="stripe", prefix="77", length=10, check=Check.LUHN),
)
UID = bytes.fromhex("04A1B2C3D4E580")
CARDS = sample_cards(
    plastic="2900000000179", phone="a-phone-code", stripe="7700000016", chip_uid=UID
)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    simulator = Simulator(CARDS, HandClock())
    yield simulator
    simulator.close()


@pytest.fixture
async def till(simulator: Simulator) -> AsyncIterator[Supervisor]:
    settings = [
        msgspec.convert({"kind": "simulated", "name": d, "device": d}, SimulatedSettings)
        for d in ("chip", *KINDS)
    ]
    supervisor = Supervisor(build_readers(settings, HandClock(), simulator), HandClock())
    async with running(supervisor):
        for name in simulator.actions:
            await until_state(supervisor, name, ReaderState.READY)
        yield supervisor


@pytest.mark.parametrize(
    ("reader", "do", "card", "expected"),
    [
        ("scanner", "scan", "plastic", ("number", "2900000000179", Medium.BARCODE, Trust.STATIC)),
        ("keypad", "type", "plastic", ("number", "2900000000179", Medium.TYPED, Trust.STATIC)),
        ("stripe", "swipe", "stripe", ("number", "7700000016", Medium.STRIPE, Trust.STATIC)),
        *(
            (name, "scan", "plastic", ("number", "2900000000179", Medium.BARCODE, Trust.STATIC))
            for name in ("ssi-scanner", "keyboard-scanner", "pos-scanner")
        ),
        *(
            (name, "swipe", "stripe", ("number", "7700000016", Medium.STRIPE, Trust.STATIC))
            for name in ("keyboard-stripe", "magtek-stripe", "msr605-stripe")
        ),
        ("chip", "present", "chip", ("uid", "04A1B2C3D4E580", Medium.CHIP, Trust.UID)),
    ],
)
async def test_each_sample_card_is_recognised_on_its_reader(
    simulator: Simulator,
    till: Supervisor,
    reader: str,
    do: str,
    card: str,
    expected: tuple[str, str, Medium, Trust],
) -> None:
    simulator.do(reader, do, card)
    event = await next_event(till, Presented, reader=reader)
    assert recognise(decode(event.shown), RANGES) == Credential(*expected)


@pytest.mark.parametrize(("reader", "do"), [(name, kind.verb) for name, kind in KINDS.items()])
async def test_the_sample_bank_card_is_refused_however_it_is_shown(
    simulator: Simulator, till: Supervisor, reader: str, do: str
) -> None:
    simulator.do(reader, do, "bank")
    event = await next_event(till, Presented, reader=reader)
    with pytest.raises(BankCardError):
        recognise(decode(event.shown), RANGES)


async def test_the_stranger_s_product_passes_as_a_reading_that_is_no_card(
    simulator: Simulator, till: Supervisor
) -> None:
    simulator.do("scanner", "scan", "stranger")
    reading = decode((await next_event(till, Presented)).shown)
    assert (reading.symbology, reading.text) == ("ean13", "4006381333931")
    with pytest.raises(UnknownFormatError):
        recognise(reading, RANGES)


async def test_raw_data_is_sent_as_it_is(simulator: Simulator, till: Supervisor) -> None:
    simulator.do("scanner", "scan", data="hex:5d43314142431d3132")
    assert (await next_event(till, Presented)).shown.raw == b"]C1ABC\x1d12"


async def test_a_chip_can_be_talked_to_until_it_is_removed(
    simulator: Simulator, till: Supervisor
) -> None:
    with pytest.raises(NoCardError):
        await till.converse("chip", read_uid(), timeout_s=5)
    simulator.do("chip", "present", "chip")
    await next_event(till, Presented)
    assert till.states["chip"] is ReaderState.CARD
    assert await till.converse("chip", read_uid(), timeout_s=5) == UID
    simulator.do("chip", "remove")
    await next_event(till, Removed)
    await until_state(till, "chip", ReaderState.READY)


async def test_a_torn_chip_loses_the_exchange_and_leaves_the_field(
    simulator: Simulator, till: Supervisor
) -> None:
    simulator.do("chip", "present", "chip")
    await next_event(till, Presented)
    simulator.do("chip", "tear")
    with pytest.raises(CardLostError):
        await till.converse("chip", read_uid(), timeout_s=5)
    await next_event(till, Removed)


async def test_a_chip_that_hangs_is_stuck_until_it_is_taken_away_and_others_go_on(
    simulator: Simulator, till: Supervisor
) -> None:
    simulator.do("chip", "present", "chip")
    await next_event(till, Presented)
    simulator.do("chip", "hang")
    with pytest.raises(Exception, match="does not answer"):
        await till.converse("chip", read_uid(), timeout_s=0.05)
    assert till.states["chip"] is ReaderState.STUCK
    simulator.do("scanner", "scan", "plastic")
    await next_event(till, Presented, reader="scanner")
    simulator.do("chip", "remove")
    await until_state(till, "chip", ReaderState.READY)
    simulator.do("chip", "present", "chip")
    await next_event(till, Presented, reader="chip")


async def test_a_chip_laid_down_and_taken_away_before_it_was_read_is_reported(
    simulator: Simulator, till: Supervisor
) -> None:
    simulator.do("chip", "present", "chip")
    simulator.do("chip", "remove")
    await next_event(till, Unreadable, reader="chip")


@pytest.mark.parametrize(
    ("reader", "do", "card"),
    [
        ("scanner", "scan", "plastic"),
        ("chip", "present", "chip"),
        ("keyboard-scanner", "scan", "plastic"),
        ("pos-scanner", "scan", "plastic"),
        ("magtek-stripe", "swipe", "stripe"),
        ("msr605-stripe", "swipe", "stripe"),
    ],
)
async def test_an_unplugged_reader_is_absent_and_works_again_when_plugged(
    simulator: Simulator, till: Supervisor, reader: str, do: str, card: str
) -> None:
    simulator.do(reader, "unplug")
    await until_state(till, reader, ReaderState.ABSENT)
    with pytest.raises(RefusedError) as refused:
        simulator.do(reader, do, card)
    assert refused.value.code is ErrorCode.NO_HARDWARE
    with pytest.raises(ReaderLostError):
        await till.converse(reader, read_uid(), timeout_s=1)
    simulator.do(reader, "plug")
    await until_state(till, reader, ReaderState.READY)
    simulator.do(reader, do, card)
    await next_event(till, Presented, reader=reader)


@pytest.mark.parametrize(
    ("reader", "do", "card", "data", "words"),
    [
        ("fridge", "scan", "plastic", "", "no simulated reader"),
        ("scanner", "present", "plastic", "", "cannot 'present'"),
        ("scanner", "scan", "gold", "", "no sample card"),
        ("scanner", "scan", "chip", "", "no barcode"),
        ("scanner", "scan", "", "", "no barcode"),
        ("scanner", "scan", "", "hex:0", "hexadecimal"),
        ("chip", "present", "plastic", "", "no chip"),
        ("scanner", "scan", "", "x" * (DATA_BYTES_MAX + 1), "longer than"),
    ],
)
async def test_nonsense_is_refused_in_words(
    simulator: Simulator, till: Supervisor, reader: str, do: str, card: str, data: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        simulator.do(reader, do, card, data)


async def test_what_needs_a_card_is_refused_without_one(
    simulator: Simulator, till: Supervisor
) -> None:
    for do in ("remove", "tear", "hang"):
        with pytest.raises(RefusedError) as refused:
            simulator.do("chip", do)
        assert refused.value.code is ErrorCode.NO_CARD


SCANS = [
    b"]C0" + b"x" * 60,
    b"]Q1" + "https://example.org/\u0457\u20ac".encode(),
    b"]C110ABC\x1d8018000000000000000000",
    b"]Q1" + b"0123456789" * 60,
    b"]A0K-1",
    b"no identifier ~^` <GS>",
]


@pytest.mark.parametrize("reader", ["scanner", "ssi-scanner", "keyboard-scanner", "pos-scanner"])
async def test_every_wire_carries_long_and_odd_scans_whole(
    simulator: Simulator, till: Supervisor, reader: str
) -> None:
    for scan in SCANS:
        simulator.do(reader, "scan", data="hex:" + scan.hex())
        assert (await next_event(till, Presented, reader=reader)).shown.raw == scan


async def test_an_ssi_scan_that_is_sent_again_counts_once(
    simulator: Simulator, till: Supervisor
) -> None:
    with pytest.raises(ValueError, match="nothing was sent"):
        simulator.do("ssi-scanner", "resend")
    simulator.do("ssi-scanner", "scan", "plastic")
    simulator.do("ssi-scanner", "resend")
    simulator.do("ssi-scanner", "scan", data="]C0K-1")
    shown = [(await next_event(till, Presented)).shown.raw for _ in range(2)]
    assert shown == [b"]E02900000000179", b"]C0K-1"]


async def test_what_is_no_swipe_is_not_sent_by_a_magtek_reader(
    simulator: Simulator, till: Supervisor
) -> None:
    with pytest.raises(ValueError, match="bad-sentinel"):
        simulator.do("magtek-stripe", "swipe", data="%A?%B?")


async def test_readers_at_once_lose_nothing_mix_nothing_and_keep_their_order(
    simulator: Simulator, till: Supervisor
) -> None:
    rounds, burst = 60, 10
    names = [name for name, kind in KINDS.items() if kind.medium is not Medium.STRIPE]
    sent = {name: [f"{name}{n:04d}" for n in range(rounds)] for name in names}
    got: dict[str, list[str]] = {name: [] for name in names}
    for n in range(rounds):
        for name in names:
            simulator.do(name, KINDS[name].verb, data=sent[name][n])
        while n % burst == burst - 1 and any(len(got[name]) <= n for name in names):
            event = await next_event(till, Presented)
            got[event.reader].append(event.shown.raw.decode())
    assert got == sent
