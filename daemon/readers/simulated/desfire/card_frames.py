"""One frame in, one frame out: the command table, chaining with AF, sessions that end."""

from collections.abc import Callable

from daemon.readers.simulated.desfire import (
    card_commands,
    data_commands,
    file_commands,
    key_commands,
)
from daemon.readers.simulated.desfire.authentication import Handshake
from daemon.readers.simulated.desfire.card_channel import Command
from daemon.readers.simulated.desfire.card_state import Answer, Chip, Handler
from daemon.readers.simulated.desfire.memory import Generation
from daemon.readers.simulated.desfire.status_codes import (
    FramesMissingError,
    Status,
    StatusError,
    require,
)

FRAME_BYTES_MAX = 61
"""A frame and its wrapping fit into one ISO/IEC 14443-4 block; a longer one is refused (LENGTH)."""
ANSWER_FRAME_BYTES = 59
ISO_ANSWER_FRAME_BYTES = 256
_ISO_CHAINED = {0xAD, 0x8D, 0xAB, 0x8B}
_SINCE_EV2 = _ISO_CHAINED | {0x3C, 0x71, 0x77, 0xC6}

COMMANDS: dict[int, Handler] = {
    0x0A: key_commands.authenticate_legacy,
    0x0C: data_commands.credit,
    0x1A: key_commands.authenticate_iso,
    0x1C: data_commands.limited_credit,
    0x3B: data_commands.write_record,
    0x3C: card_commands.read_signature,
    0x3D: data_commands.write_data,
    0x45: key_commands.get_key_settings,
    0x51: card_commands.get_card_uid,
    0x54: key_commands.change_key_settings,
    0x5A: card_commands.select_application,
    0x5C: card_commands.set_configuration,
    0x5F: file_commands.change_file_settings,
    0x60: card_commands.get_version,
    0x64: key_commands.get_key_version,
    0x6A: card_commands.get_application_ids,
    0x6C: data_commands.get_value,
    0x6E: card_commands.free_memory,
    0x6F: file_commands.get_file_ids,
    0x71: key_commands.authenticate_ev2_first,
    0x77: key_commands.authenticate_ev2_non_first,
    0x8B: data_commands.write_record,
    0x8D: data_commands.write_data,
    0xA7: data_commands.abort_transaction,
    0xAA: key_commands.authenticate_aes,
    0xAB: data_commands.read_records,
    0xAD: data_commands.read_data,
    0xBB: data_commands.read_records,
    0xBD: data_commands.read_data,
    0xC0: file_commands.create_cyclic_record_file,
    0xC1: file_commands.create_linear_record_file,
    0xC4: key_commands.change_key,
    0xC6: key_commands.change_key_ev2,
    0xC7: data_commands.commit_transaction,
    0xCA: card_commands.create_application,
    0xCB: file_commands.create_backup_file,
    0xCC: file_commands.create_value_file,
    0xCD: file_commands.create_standard_file,
    0xDA: card_commands.delete_application,
    0xDC: data_commands.debit,
    0xDF: file_commands.delete_file,
    0xEB: data_commands.clear_record_file,
    0xF5: file_commands.get_file_settings,
    0xFC: card_commands.format_card,
}


class Frames:
    """The protocol over a powered chip. ``chip`` is what the frames act on.

    Any status but OK and ADDITIONAL_FRAME ends the session and aborts the transaction.
    """

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self._continue: Callable[[bytes], tuple[Status, bytes]] | None = None

    def exchange(self, ins: int, parameters: bytes, apdu_bytes: int) -> tuple[Status, bytes]:
        """Answer one frame that took ``apdu_bytes`` on the air."""
        going_on, self._continue = self._continue, None
        try:
            fits = ins in _ISO_CHAINED or apdu_bytes <= FRAME_BYTES_MAX
            require(fits, Status.LENGTH)
            if ins != Status.ADDITIONAL_FRAME:
                require(going_on is None, Status.COMMAND_ABORTED)
                return self._run(Command(ins, parameters))
            if going_on is None:
                raise StatusError(Status.ILLEGAL_COMMAND)
            return going_on(parameters)
        except StatusError as refusal:
            self.refuse()
            return refusal.status, b""

    def refuse(self) -> None:
        """End the session and abort the transaction, as every error does."""
        self._continue = None
        self.chip.end_session()
        self.chip.abort()

    def _run(self, command: Command) -> tuple[Status, bytes]:
        too_new = self.chip.memory.generation is Generation.EV1 and command.ins in _SINCE_EV2
        require(command.ins in COMMANDS and not too_new, Status.ILLEGAL_COMMAND)
        try:
            answer = COMMANDS[command.ins](self.chip, command)
        except FramesMissingError:
            self._continue = lambda more: self._run_longer(command, more)
            return Status.ADDITIONAL_FRAME, b""
        if isinstance(answer, Handshake):
            self._continue = lambda token: self._prove(answer, command.payload[0], token)
            return Status.ADDITIONAL_FRAME, answer.challenge
        return self._send(self._pieces(command.ins, answer))

    def _run_longer(self, command: Command, more: bytes) -> tuple[Status, bytes]:
        require(bool(more), Status.LENGTH)
        return self._run(Command(command.ins, command.payload + more))

    def _prove(self, handshake: Handshake, key_number: int, token: bytes) -> tuple[Status, bytes]:
        proven = handshake.finish(token)
        self.chip.channel, self.chip.key_number = proven.channel, key_number
        return Status.OK, proven.answer

    def _pieces(self, ins: int, answer: Answer) -> list[bytes]:
        """Protect an answer and cut it into frames; at least one, which may be empty."""
        data = answer.data
        if answer.mode is not None:
            data = self.chip.channel.close(data, answer.mode, read_all=answer.read_all)
        if answer.mode is None or answer.ends_session:
            self.chip.end_session()
        if answer.ends_session:
            self.chip.abort()
        pieces = []
        for length in answer.first_frames:
            pieces.append(data[:length])
            data = data[length:]
        size = ISO_ANSWER_FRAME_BYTES if ins in _ISO_CHAINED else ANSWER_FRAME_BYTES
        return pieces + ([data[at : at + size] for at in range(0, len(data), size)] or [b""])

    def _send(self, pieces: list[bytes]) -> tuple[Status, bytes]:
        first, rest = pieces[0], pieces[1:]
        if not rest:
            return Status.OK, first
        self._continue = lambda nothing: self._send_next(rest, nothing)
        return Status.ADDITIONAL_FRAME, first

    def _send_next(self, pieces: list[bytes], nothing: bytes) -> tuple[Status, bytes]:
        require(not nothing, Status.LENGTH)
        return self._send(pieces)
