"""Commits, aborts and everything that aborts, against the simplest model there is."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from daemon.readers.errors import CardLostError
from daemon.readers.simulated.desfire.card_files import (
    CommMode,
    DataFile,
    RecordFile,
    Rights,
    ValueFile,
)
from daemon.readers.simulated.desfire.card_state import Traits
from daemon.readers.simulated.desfire.faults import Fault, FaultyCard
from daemon.readers.simulated.desfire.status_codes import Status
from tests.daemon.readers.simulated.desfire.cards import AID, KEYS, card
from tests.daemon.readers.simulated.desfire.reader import Reader, RefusedByCardError

LOWER, UPPER, STATE_BYTES, RECORDS_MAX = -50, 100, 4, 4
MODE = CommMode.FULL
ALL = Rights(0, 0, 0, 0)
AMOUNTS = st.integers(-1, 160)
DATA = st.binary(min_size=1, max_size=STATE_BYTES)
VALUE, STATE, CYCLIC, LINEAR = 1, 2, 3, 4


class Holdings:
    """What a card holds, as a person would write it down."""

    def __init__(self) -> None:
        self.value = 0
        self.may_give_back = 0
        self.state = bytes(STATE_BYTES)
        self.cyclic: list[bytes] = []
        self.linear: list[bytes] = []


class Transaction(RuleBasedStateMachine):
    """Every rule does one thing to the card and to two sheets of paper: now, and if committed."""

    kind = "ev2"

    @initialize(
        kind=st.sampled_from(["ev1", "ev2"]),
        keeps_pending=st.booleans(),
        limited=st.booleans(),
        tells=st.booleans(),
    )
    def begin(self, kind: str, keeps_pending: bool, limited: bool, tells: bool) -> None:
        self.kind, self.keeps_pending, self.limited = kind, keeps_pending, limited
        self.tells = tells or limited
        self.model = card(
            {
                VALUE: ValueFile(MODE, ALL, LOWER, UPPER, 0, limited),
                STATE: DataFile(MODE, ALL, bytes(STATE_BYTES), backup=True),
                CYCLIC: RecordFile(MODE, ALL, STATE_BYTES, RECORDS_MAX, cyclic=True),
                LINEAR: RecordFile(MODE, ALL, STATE_BYTES, RECORDS_MAX, cyclic=False),
            },
            traits=Traits(keeps_pending=keeps_pending, tells_limited_credit=tells),
        )
        self.now = Holdings()
        self.present()

    def present(self) -> None:
        """Lay the card on the reader again; whatever was not committed is gone."""
        self.played = FaultyCard(self.model)
        self.played.reset()
        self.reader = Reader(self.played)
        self.reader.select(AID)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Begin a session with nothing pending."""
        self.reader.authenticate(self.kind, 0, KEYS[0])
        self.next_value, self.debited, self.gave_back = self.now.value, 0, False
        self.next_state = self.now.state
        self.drafts: dict[int, bytes] = {}
        self.cleared: set[int] = set()
        self.changed = False

    def attempt(self, allowed: Status, *call: Any) -> bool:
        """Do it; ``allowed`` is what the card must answer. A refusal ends the session."""
        status = Status.OK
        try:
            self.reader.call(*call)
        except RefusedByCardError as refusal:
            status = refusal.status
            self.begin_anew()
        assert status is allowed
        self.changed = self.changed or status is Status.OK
        return status is Status.OK

    def change_value(self, ins: int, amount: int, allowed: Status) -> bool:
        wire = amount.to_bytes(4, "little", signed=True)
        return self.attempt(allowed, ins, bytes((VALUE,)), wire, MODE)

    @rule(amount=AMOUNTS)
    def debit(self, amount: int) -> None:
        if self.change_value(0xDC, amount, self.verdict(amount, self.next_value - amount)):
            self.next_value -= amount
            self.debited += amount

    @rule(amount=AMOUNTS)
    def credit(self, amount: int) -> None:
        if self.change_value(0x0C, amount, self.verdict(amount, self.next_value + amount)):
            self.next_value += amount

    @rule(amount=AMOUNTS)
    def give_back(self, amount: int) -> None:
        verdict = self.verdict(amount, self.next_value + amount)
        if amount >= 0 and (self.gave_back or amount > self.now.may_give_back):
            verdict = Status.BOUNDARY
        if not self.limited:
            verdict = Status.PERMISSION_DENIED
        if self.change_value(0x1C, amount, verdict):
            self.next_value += amount
            self.gave_back = True

    @staticmethod
    def verdict(amount: int, after: int) -> Status:
        if amount < 0:
            return Status.PARAMETER
        return Status.OK if LOWER <= after <= UPPER else Status.BOUNDARY

    @rule(offset=st.integers(0, STATE_BYTES), data=DATA)
    def write_state(self, offset: int, data: bytes) -> None:
        allowed = Status.OK if offset + len(data) <= STATE_BYTES else Status.BOUNDARY
        if self.attempt(allowed, 0x3D, self.extent(STATE, offset, data), data, MODE):
            old = self.next_state
            self.next_state = old[:offset] + data + old[offset + len(data) :]

    @rule(file=st.sampled_from([CYCLIC, LINEAR]), offset=st.integers(0, 1), data=DATA)
    def write_record(self, file: int, offset: int, data: bytes) -> None:
        allowed = Status.OK
        if offset + len(data) > STATE_BYTES:
            allowed = Status.BOUNDARY
        elif file in self.cleared:
            allowed = Status.PERMISSION_DENIED
        elif file == LINEAR and len(self.now.linear) == RECORDS_MAX:
            allowed = Status.BOUNDARY
        if self.attempt(allowed, 0x3B, self.extent(file, offset, data), data, MODE):
            old = self.drafts.get(file, bytes(STATE_BYTES))
            self.drafts[file] = old[:offset] + data + old[offset + len(data) :]

    @rule(file=st.sampled_from([CYCLIC, LINEAR]))
    def clear(self, file: int) -> None:
        if self.attempt(Status.OK, 0xEB, bytes((file,))):
            self.drafts.pop(file, None)
            self.cleared.add(file)

    @rule()
    def commit(self) -> None:
        if self.attempt(Status.OK if self.changed else Status.NO_CHANGES, 0xC7):
            self.write_down()

    @rule()
    def abort(self) -> None:
        if self.attempt(Status.OK if self.changed else Status.NO_CHANGES, 0xA7):
            self.begin_anew()

    @rule(fault=st.sampled_from([Fault.TORN_BEFORE, Fault.TORN_AFTER, Fault.ANSWER_LOST]))
    def tear_at_the_commit(self, fault: Fault) -> None:
        self.played.plan(fault)
        committed = self.changed and fault is not Fault.TORN_BEFORE
        try:
            self.reader.commit()
        except CardLostError:
            if committed:
                self.write_down()
        else:
            raise AssertionError("the card answered")
        self.present()

    @rule()
    def take_away_and_present_again(self) -> None:
        self.present()

    @rule(selects=st.booleans())
    def authenticate_again(self, selects: bool) -> None:
        if selects:
            self.reader.select(AID)
        if self.keeps_pending:
            self.reader.authenticate(self.kind, 0, KEYS[0])
        else:
            self.begin_anew()

    def write_down(self) -> None:
        """Make true what the transaction has written."""
        now = self.now
        now.value, now.state = self.next_value, self.next_state
        if self.gave_back:
            now.may_give_back = 0
        if self.debited:
            now.may_give_back = self.debited
        for file, kept in ((CYCLIC, now.cyclic), (LINEAR, now.linear)):
            if file in self.cleared:
                kept.clear()
            if file in self.drafts:
                kept.append(self.drafts[file])
        del now.cyclic[: -(RECORDS_MAX - 1)]
        self.debited, self.gave_back, self.changed = 0, False, False
        self.drafts, self.cleared = {}, set()

    @staticmethod
    def extent(file: int, offset: int, data: bytes) -> bytes:
        return bytes((file,)) + offset.to_bytes(3, "little") + len(data).to_bytes(3, "little")

    @invariant()
    def the_card_agrees_with_the_paper(self) -> None:
        value = self.reader.value(VALUE, MODE)
        assert value == self.now.value
        assert LOWER <= value <= UPPER
        assert self.reader.read(STATE, 0, STATE_BYTES, MODE) == self.now.state
        for file, kept in ((CYCLIC, self.now.cyclic), (LINEAR, self.now.linear)):
            if kept:
                read = self.reader.read(file, 0, 0, MODE, ins=0xBB)
                assert read == b"".join(kept)
        settings_of_value = self.reader.call(0xF5, bytes((VALUE,)))
        told = self.now.may_give_back if self.tells else 0
        assert settings_of_value[12:16] == told.to_bytes(4, "little")


TestTransaction = Transaction.TestCase
TestTransaction.settings = settings(max_examples=60, stateful_step_count=30, derandomize=True)
