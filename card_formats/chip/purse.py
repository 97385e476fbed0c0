"""The purse at the till: open it, pay from it, read its history. Nine APDUs a purchase."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from card_formats.apdu import Dialogue
from card_formats.chip.desfire import commands
from card_formats.chip.desfire.ev1 import authenticate_ev1
from card_formats.chip.desfire.ev2 import authenticate_ev2
from card_formats.chip.desfire.wire import Channel, OpenChannel, Status
from card_formats.chip.purse_contents import (
    PRIZE_SLOT_BYTES,
    PRIZE_SLOTS,
    Customer,
    Prize,
    decode_customer,
    decode_prizes,
    encode_customer,
    encode_prize,
)
from card_formats.chip.purse_layout import (
    AID,
    AMOUNT_MAX,
    CUSTOMER_BYTES,
    CUSTOMER_FILE,
    HISTORY_FILE,
    HISTORY_RECORDS_MAX,
    LOAD_KEY,
    MODE,
    PRIZE_BYTES,
    PRIZE_FILE,
    RECORD_BYTES,
    SEQ_MAX,
    STATE_BYTES,
    STATE_FILE,
    TXID_BYTES,
    VALUE_FILE,
    NewerState,
    PurchaseRecord,
    PurseState,
    PurseStatus,
    decode_records,
    decode_state,
    encode_record,
    encode_state,
)
from card_formats.errors import CardFormatError

BAD_HISTORY = "purse.bad-history"
"""The one error that says something of the card: what was read is proved by its MAC, and wrong.

Whatever else is raised while a purse is read may be noise on the air.
"""
KEY_GENERATIONS_MAX = 2
NO_SUCH_RECORD = Status.BOUNDARY.code
"""Of a history that does not reach so far, or of noise: the card gives no MAC with it."""
GENERATION_MAX = 0x7F
TOO_SLOW = "purse.too-slow"
_EV1_ONLY = 0x80


class Messaging(StrEnum):
    """Which secure channel a card speaks."""

    EV1 = "ev1"
    EV2 = "ev2"


class Handover(StrEnum):
    """What is known of a purse's last commit command, whatever became of the dialogue.

    NOT_SENT: it was never handed over: surely nothing was written.
    SENT:     it was, and no good answer came: what the card did is not known.
    VERIFIED: the card proved that it was done.
    """

    NOT_SENT = "not_sent"
    SENT = "sent"
    VERIFIED = "verified"


class Outcome(StrEnum):
    """What became of a payment whose commit was handed over without a good answer."""

    WRITTEN = "written"
    NOT_WRITTEN = "not_written"
    UNDECIDED = "undecided"


class TillKey(msgspec.Struct, frozen=True):
    """One card's debit or load key: ``number``, and its value by its generation.

    by_generation: one, or KEY_GENERATIONS_MAX while keys are being renewed; with two the card is
                   asked for its own, one APDU more.
    """

    number: int
    by_generation: dict[int, bytes]

    def __repr__(self) -> str:
        """Hide the keys."""
        return f"TillKey({self.number}, generations {sorted(self.by_generation)})"


class ChipPayment(msgspec.Struct, frozen=True):
    """What a sale does to the purse. ``amount`` is negative when the customer spends."""

    txid: bytes
    amount: int
    shop: int
    till: int
    time_s: int


class ChipPurse:
    """A purse with an open session; it ends with the first thing that goes wrong.

    state:     as last verified.
    handover:  of the last commit. It moves before the command is yielded, so that whoever finds
               NOT_SENT after stopping the dialogue knows that no later step of it will run.
    messaging: which channel the card speaks; worth keeping for the next `open_purse`.
    key_generation: of the card's keys.
    """

    def __init__(
        self,
        channel: Channel,
        key_no: int,
        messaging: Messaging,
        state: PurseState | NewerState,
        key_generation: int = 0,
    ) -> None:
        self.channel = channel
        self.key_no = key_no
        self.messaging = messaging
        self.key_generation = key_generation
        self.state = state
        self.handover = Handover.NOT_SENT

    @property
    def may_load(self) -> bool:
        """Whether this till's key may add to the balance."""
        return self.key_no == LOAD_KEY


def open_purse(
    key: TillKey,
    rnd_a: bytes,
    *,
    messaging: Messaging = Messaging.EV2,
    discard: bytes = b"",
) -> Dialogue[ChipPurse]:
    """Select, authenticate, read STATE and balance: five APDUs, or six.

    rnd_a:     16 bytes that were never used before.
    discard:   as many more, where an earlier dialogue with this card has failed and it has had
               power since: what that has written and not committed is discarded, one APDU or three
               more. A card may keep it over another authentication (an EV1 does), and would debit
               both at the next commit.
    messaging: the channel to try. EV1 is fallen back to, one APDU more; a card that is asked for
               its keys' generation tells its channel with it, so never both.
    Raises:    CardFormatError ``desfire.foreign`` or ``desfire.no-application`` from a card that
               is not ours, both after one APDU; ``desfire.authentication`` for a wrong key;
               ``purse.key-generation`` for a key version we have no key for; ``purse.…`` for a bad
               STATE; what the channel raises.
    """
    assert 1 <= len(key.by_generation) <= KEY_GENERATIONS_MAX
    yield from commands.select_application(AID)
    (generation, *others) = key.by_generation
    if others:
        version = yield from commands.get_key_version(OpenChannel(), key.number)
        generation, messaging = decode_key_version(version)
        if generation not in key.by_generation:
            raise CardFormatError("purse.key-generation", f"key version {version} is not ours")
    secret = key.by_generation[generation]
    channel, spoken = yield from authenticate(key.number, secret, rnd_a, messaging)
    if discard and not (yield from discarded(channel)):
        channel, spoken = yield from authenticate(key.number, secret, discard, spoken)
    raw = yield from commands.read_data(channel, STATE_FILE, 0, STATE_BYTES, MODE)
    balance = yield from commands.get_value(channel, VALUE_FILE, MODE)
    return ChipPurse(channel, key.number, spoken, decode_state(raw, balance), generation)


def discarded(channel: Channel) -> Dialogue[bool]:
    """Discard what was written and not committed; False, and the session is over, for nothing."""
    try:
        yield from commands.abort(channel)
    except CardFormatError as error:
        if error.code != Status.NO_CHANGES.code:
            raise
        return False
    return True


def encode_key_version(generation: int, messaging: Messaging) -> int:
    """Return the version byte of a key; 0 is the factory's."""
    assert 0 <= generation <= GENERATION_MAX
    return generation | (_EV1_ONLY if messaging is Messaging.EV1 else 0)


def decode_key_version(version: int) -> tuple[int, Messaging]:
    """Read a version byte: a key's generation, and the channel that its card speaks."""
    return version & GENERATION_MAX, Messaging.EV1 if version & _EV1_ONLY else Messaging.EV2


def authenticate(
    key_no: int, secret: bytes, rnd_a: bytes, messaging: Messaging
) -> Dialogue[tuple[Channel, Messaging]]:
    """Open a session on ``messaging``'s channel, or on EV1's when the card has no other."""
    if messaging is Messaging.EV2:
        try:
            return (yield from authenticate_ev2(key_no, secret, rnd_a)), Messaging.EV2
        except CardFormatError as refused:
            if refused.code != Status.ILLEGAL_COMMAND.code:
                raise
    return (yield from authenticate_ev1(key_no, secret, rnd_a)), Messaging.EV1


def after_payment(state: PurseState | NewerState, payment: ChipPayment) -> PurseState:
    """Return the state that ``payment`` will lead to; the intent to write down before `pay`.

    Raises: CardFormatError ``purse.newer-schema``; ``purse.blocked``, ``purse.expired``,
            ``purse.migrating``; ``purse.not-enough``; ``purse.too-much`` above what the value file
            can count to (its own cap is lower, and the card's to keep); ``purse.worn-out`` when
            ``seq`` is at its end.
    """
    assert len(payment.txid) == TXID_BYTES
    known = understood(state)
    if known.status is not PurseStatus.ACTIVE:
        name = known.status.name.lower()
        raise CardFormatError(f"purse.{name}", f"this card is {name}")
    balance = known.balance + payment.amount
    if balance < 0:
        raise CardFormatError("purse.not-enough", f"{known.balance} on the card")
    if max(balance, abs(payment.amount)) > AMOUNT_MAX:
        raise CardFormatError("purse.too-much", f"{balance} would be on the card")
    if known.seq >= SEQ_MAX:
        raise CardFormatError("purse.worn-out", "this card has counted to its end: replace it")
    return replace(
        known,
        balance=balance,
        seq=known.seq + 1,
        last_txid=payment.txid,
        shop=payment.shop,
        till=payment.till,
        last_amount=payment.amount,
        last_time_s=payment.time_s,
    )


def pay(
    purse: ChipPurse,
    payment: ChipPayment,
    slots: Mapping[int, Prize | None] | None = None,
    *,
    may_commit: Callable[[], bool] = lambda: True,
) -> Dialogue[PurseState]:
    """Debit or credit, append to the history, write STATE, commit: four APDUs, one transaction.

    slots:   prizes that change with the payment, by slot; None empties one. One APDU each.
    may_commit: asked when only the commit is left, which is not sent where it says no.
    Returns: the new state, verified by the card's MAC.
    Raises:  CardFormatError as `after_payment`, before anything is sent; ``purse.no-load-key``
             for a credit with the debit key; ``desfire.boundary`` above the card's cap; TOO_SLOW
             where ``may_commit`` says no; what the channel raises. ``purse.handover`` then tells
             whether anything may have been written.
    """
    after = after_payment(purse.state, payment)
    if payment.amount > 0 and not purse.may_load:
        raise CardFormatError("purse.no-load-key", "this till may not add to a card")
    _begin(purse)
    if payment.amount < 0:
        yield from commands.debit(purse.channel, VALUE_FILE, -payment.amount, MODE)
    elif payment.amount > 0:
        yield from commands.credit(purse.channel, VALUE_FILE, payment.amount, MODE)
    for slot, prize in (slots or {}).items():
        assert 0 <= slot < PRIZE_SLOTS
        content, at = encode_prize(prize), slot * PRIZE_SLOT_BYTES
        yield from commands.write_data(purse.channel, PRIZE_FILE, at, content, MODE)
    record = encode_record(
        PurchaseRecord(
            after.seq,
            payment.time_s,
            payment.shop,
            payment.till,
            payment.amount,
            after.balance,
            payment.txid,
        )
    )
    yield from commands.write_record(purse.channel, HISTORY_FILE, 0, record, MODE)
    return (yield from _commit_state(purse, after, may_commit))


def set_status(purse: ChipPurse, status: PurseStatus) -> Dialogue[PurseState]:
    """Write another status: two APDUs. The payments' ``seq`` stays, so it may be done again.

    Raises: CardFormatError ``purse.newer-schema``, what the channel raises.
    """
    return (yield from write_state(purse, replace(understood(purse.state), status=status)))


def write_state(purse: ChipPurse, after: PurseState) -> Dialogue[PurseState]:
    """Write STATE, and nothing with it. Raises CardFormatError as the channel does."""
    _begin(purse)
    return (yield from _commit_state(purse, after))


def read_history(
    purse: ChipPurse, *, back: int = 0, count: int = 1
) -> Dialogue[tuple[PurchaseRecord, ...]]:
    """Read ``count`` payments, oldest first, the newest of them ``back`` before the last.

    Returns: as many as there are; none, without an APDU, where the history does not reach.
    Raises:  CardFormatError ``purse.newer-schema``, ``BAD_HISTORY`` when the records are
             not those of ``seq``; what the channel raises.
    """
    written = understood(purse.state).seq
    kept = min(count, min(written, HISTORY_RECORDS_MAX) - back)
    if kept <= 0:
        return ()
    raw = yield from commands.read_records(
        purse.channel, HISTORY_FILE, back, kept, RECORD_BYTES, MODE
    )
    newest = written - back
    records = decode_records(raw) if len(raw) == kept * RECORD_BYTES else ()
    if [record.seq for record in records] != list(range(newest - kept + 1, newest + 1)):
        raise CardFormatError(BAD_HISTORY, "the history does not fit the card's count")
    return records


def history_is_short(purse: ChipPurse) -> Dialogue[bool]:
    """Whether a purse remembers fewer payments than its count says, by a good MAC: one APDU.

    A card says so itself where more is asked for than there is, but without a MAC: anybody may.
    Raises: CardFormatError as `read_history`, but for BAD_HISTORY.
    """
    raw = yield from commands.read_records(purse.channel, HISTORY_FILE, 0, 0, RECORD_BYTES, MODE)
    expected = min(understood(purse.state).seq, HISTORY_RECORDS_MAX)
    return len(raw) < expected * RECORD_BYTES


def follows(records: Sequence[PurchaseRecord], state: PurseState) -> bool:
    """Whether a purse's balance follows from its payments, as far as it remembers them."""
    if any(one.balance_after != last.balance_after + one.amount for last, one in pairwise(records)):
        return False
    return not records or records[-1].balance_after == state.balance


def read_prizes(purse: ChipPurse) -> Dialogue[tuple[Prize | None, ...]]:
    """Read all slots: two APDUs. Raises CardFormatError as `decode_prizes`; the channel's."""
    return decode_prizes(
        (yield from commands.read_data(purse.channel, PRIZE_FILE, 0, PRIZE_BYTES, MODE))
    )


def read_customer(purse: ChipPurse) -> Dialogue[Customer]:
    """Read whose card it is, with the load key: two APDUs.

    Raises: CardFormatError ``desfire.authentication`` for the debit key; as `decode_customer`;
            what the channel raises.
    """
    return decode_customer(
        (yield from commands.read_data(purse.channel, CUSTOMER_FILE, 0, CUSTOMER_BYTES, MODE))
    )


def write_customer(purse: ChipPurse, customer: Customer) -> Dialogue[PurseState]:
    """Write whose card it is, with the load key, then count the change in STATE's flags.

    The file is written at once: torn in between, it is new and its count is old; do it again.
    Raises: CardFormatError ``purse.newer-schema``, before anything is sent; what the channel
            raises.
    """
    state, content = understood(purse.state), encode_customer(customer)
    counted = replace(state, flags=(state.flags + 1) % 0x100)
    yield from commands.write_data(purse.channel, CUSTOMER_FILE, 0, content, MODE)
    return (yield from write_state(purse, counted))


def settle(purse: ChipPurse, seq: int, txid: bytes) -> Dialogue[Outcome]:
    """Find out what became of the payment ``txid`` that was to be number ``seq``: at most one APDU.

    Returns: NOT_WRITTEN also when the history says that another payment has its number: a number is
             given once. UNDECIDED when the history no longer reaches that far, or when the card
             counts less than it did before.
    Raises:  CardFormatError as `read_history`; all but BAD_HISTORY may be noise, so ask again.
    """
    state = understood(purse.state)
    if state.seq == seq - 1:
        return Outcome.NOT_WRITTEN
    if state.seq < seq:
        return Outcome.UNDECIDED
    if state.seq == seq and state.last_txid == txid:
        return Outcome.WRITTEN
    records = yield from read_history(purse, back=state.seq - seq)
    if not records:
        return Outcome.UNDECIDED
    return Outcome.WRITTEN if records[0].txid == txid else Outcome.NOT_WRITTEN


def understood(state: PurseState | NewerState) -> PurseState:
    """Return ``state``, which may be rewritten. Raises CardFormatError ``purse.newer-schema``."""
    if isinstance(state, NewerState):
        raise CardFormatError("purse.newer-schema", "this card needs a newer till program")
    return state


def _begin(purse: ChipPurse) -> None:
    """Forget the last commit, unless the session ended with it: then it stays what is known."""
    if not purse.channel.alive:
        raise CardFormatError("desfire.session-over", "open the purse again")
    purse.handover = Handover.NOT_SENT


def _commit_state(
    purse: ChipPurse, after: PurseState, may_commit: Callable[[], bool] = lambda: True
) -> Dialogue[PurseState]:
    yield from commands.write_data(purse.channel, STATE_FILE, 0, encode_state(after), MODE)
    if not may_commit():
        purse.channel.alive = False  # what is written so far must not come with the next commit
        raise CardFormatError(TOO_SLOW, "the card took too long to be paid with")
    purse.handover = Handover.SENT
    yield from commands.commit(purse.channel)
    purse.handover = Handover.VERIFIED
    purse.state = after
    return after
