"""What a card knows while it has power, and what the commands share."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from daemon.readers.simulated.desfire.authentication import Handshake, Random
from daemon.readers.simulated.desfire.card_channel import Channel, Command, PlainChannel
from daemon.readers.simulated.desfire.card_files import CommMode, File, permitted
from daemon.readers.simulated.desfire.cipher import Key
from daemon.readers.simulated.desfire.memory import Application, Memory
from daemon.readers.simulated.desfire.status_codes import Status, require

CARD_LEVEL = 0
ALLOW_CHANGE_MASTER_KEY, FREE_LISTING, FREE_CREATE_DELETE, SETTINGS_CHANGEABLE = 1, 2, 4, 8


class Traits(msgspec.Struct, frozen=True):
    """How this card does what data sheets leave open, or what cards of one kind do differently.

    value_macs:    whether, on the EV1 channel, value commands carry a MAC in CommMode.MAC.
    keeps_pending: whether what a transaction wrote outlives another authentication, or a selection
                   of the same application. What was observed on an EV1 (libfreefare,
                   test_mifare_desfire.c: written under one key, committed under another).
    tells_limited_credit: whether GetFileSettings tells what was debited last where LimitedCredit is
                   off, too; observed there as well.
    """

    value_macs: bool = True
    keeps_pending: bool = True
    tells_limited_credit: bool = True


AS_OBSERVED = Traits()


class Answer(msgspec.Struct, frozen=True):
    """What a command answers, not yet protected.

    mode:         how it is protected; None: not at all, and the session is over.
    read_all:     the reader asked for length 0.
    first_frames: the lengths of the frames before the last, where the data sheet fixes them.
    ends_session: it is protected, then the session is over.
    """

    data: bytes = b""
    mode: CommMode | None = CommMode.MAC
    read_all: bool = False
    first_frames: tuple[int, ...] = ()
    ends_session: bool = False


def written(mode: CommMode) -> Answer:
    """Return the answer to a write: nothing to encrypt, so at most a MAC."""
    return Answer(mode=CommMode.PLAIN if mode is CommMode.PLAIN else CommMode.MAC)


class Chip:
    """``memory`` survives; all else is lost with the power.

    selected:   the AID, or CARD_LEVEL. mirror: the files that this transaction has written.
    key_number: the key that this session was authenticated with, or None.
    """

    def __init__(self, memory: Memory, random: Random, traits: Traits = AS_OBSERVED) -> None:
        self.memory = memory
        self.random = random
        self.traits = traits
        self.selected = CARD_LEVEL
        self.mirror: dict[int, File] = {}
        self.channel: Channel = PlainChannel()
        self.key_number: int | None = None

    def end_session(self) -> None:
        """Forget who authenticated."""
        self.channel = PlainChannel()
        self.key_number = None

    def abort(self) -> None:
        """Forget what this transaction has written."""
        self.mirror = {}

    def begin_again(self) -> None:
        """Forget who authenticated, because somebody is about to; abort as this card does."""
        self.end_session()
        if not self.traits.keeps_pending:
            self.abort()

    def select(self, aid: int) -> None:
        """Go to an application, or to the card's own level."""
        known = aid == CARD_LEVEL or aid in self.memory.applications
        require(known, Status.APPLICATION_NOT_FOUND)
        self.begin_again()
        if aid != self.selected:
            self.abort()
        self.selected = aid

    @property
    def application(self) -> Application:
        """The selected one. Raises StatusError PERMISSION_DENIED at card level."""
        require(self.selected != CARD_LEVEL, Status.PERMISSION_DENIED)
        return self.memory.applications[self.selected]

    @property
    def settings(self) -> int:
        """Key settings 1 of the selected level."""
        at_card = self.selected == CARD_LEVEL
        return self.memory.settings if at_card else self.application.settings

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys of the selected level."""
        at_card = self.selected == CARD_LEVEL
        return (self.memory.master_key,) if at_card else self.application.keys

    def require_card_level(self) -> None:
        """Raise StatusError PERMISSION_DENIED inside an application."""
        require(self.selected == CARD_LEVEL, Status.PERMISSION_DENIED)

    def require_master_key(self, unless_flag: int = 0) -> None:
        """Raise StatusError AUTHENTICATION unless key 0 is proven, or the flag frees from it."""
        allowed = self.key_number == 0 or bool(self.settings & unless_flag)
        require(allowed, Status.AUTHENTICATION)

    def key(self, number: int) -> Key:
        """Return a key of the selected level. Raises StatusError NO_SUCH_KEY."""
        require(number < len(self.keys), Status.NO_SUCH_KEY)
        return self.keys[number]

    def file(self, number: int) -> File:
        """Return a committed file. Raises StatusError FILE_NOT_FOUND."""
        files = self.application.files
        require(number in files, Status.FILE_NOT_FOUND)
        return files[number]

    def mirrored(self, number: int) -> File:
        """Return the file as this transaction has left it so far."""
        return self.mirror.get(number, self.file(number))

    def mode_of(self, file: File, *wanted: int) -> CommMode:
        """Return the mode of an access under one of the rights ``wanted``. Raises StatusError."""
        return permitted(wanted, file.mode, self.key_number)

    def plain_parameters(self, command: Command, count: int) -> bytes:
        """Return the ``count`` parameters of a command that carries no data."""
        self.channel.open(command, count, 0, CommMode.MAC)
        return command.header(count)

    def store_application(self, application: Application) -> None:
        """Write the selected application back, whole."""
        applications = {**self.memory.applications, self.selected: application}
        self.memory = replace(self.memory, applications=applications)

    def store_files(self, files: dict[int, File]) -> None:
        """Write these files of the selected application, all at once."""
        application = self.application
        self.store_application(replace(application, files={**application.files, **files}))


Handler: TypeAlias = Callable[[Chip, Command], Answer | Handshake]
