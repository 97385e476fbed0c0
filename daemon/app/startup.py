"""What may be wrong before a till runs: the files it starts from, and the errors of a start."""

import resource
from functools import partial
from pathlib import Path

from daemon.base import config as configuration
from daemon.base.clock import Clock, rfc3339
from daemon.base.config import Config, ConfigError
from daemon.base.ids import LedgerId
from daemon.base.receipt_codes import TillNames
from daemon.base.regular_files import read_text_file
from daemon.base.set_clock import SetClock
from daemon.keys.key_files import KeyFileError
from daemon.ledger.ledger import Ledger
from daemon.ledger.receipts import claim
from daemon.ledger.storage.store import StoreError
from daemon.pos.socket_file import SocketTakenError
from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import Programme, check_store, load
from daemon.readers.reader_settings import ReaderSettings
from daemon.readers.registry import check_together
from web.web_settings import WalletError

STARTUP_ERRORS = (ConfigError, KeyFileError, SocketTakenError, StoreError, WalletError, OSError)
"""What can be wrong before a till runs; each says in its text what to do."""
SIMULATED = "simulated"


def raise_file_limit() -> int:
    """Let this process open as many files as it may at most; return how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # a service's filter of system calls; it has set both then
        return soft
    return hard


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """Return what really went wrong: task groups wrap it once for each that it passed through."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def in_words(error: BaseException) -> str:
    """Return what an error says: of a file, its name and why, without the system's number."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def check_hand_set(config: Config, clock: Clock, newest: str) -> None:
    """Hold a clock that is set by hand against the till. Raises ConfigError.

    newest: when the newest entry was made, RFC 3339, or "".
    """
    if not isinstance(clock, SetClock):
        return
    if config.simulated is None or any(one["kind"] != SIMULATED for one in config.reader):
        raise ConfigError("--now", "only a till whose readers are all simulated takes it")
    if rfc3339(clock.now()) < newest:
        raise ConfigError("--now", f"the ledger goes on to {newest}; name a later time")


def read_programme(path: Path, store: str = "") -> Programme:
    """Load the programme file. Raises ConfigError with the path of the wrong key.

    store: where the till is that goes by it, or "" where no till does.
    """
    try:
        programme = load(read_text_file(path))
        if store:
            check_store(programme, store)
        return programme
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", "it is no UTF-8 text; save it as UTF-8")
        raise ConfigError("programme", f"{path} cannot be read: {problem}") from error
    except ProgrammeError as error:
        raise ConfigError(f"programme {path.name}: {error.path}", error.message) from error


async def claim_names(ledger: Ledger, names: TillNames, home: Path) -> None:
    """See to it that no other till of this database is called so. Raises ConfigError."""
    owner = await ledger.update(partial(claim, names=names))
    check_names(owner, ledger.ledger_id, names, home)


def check_names(owner: LedgerId, own: LedgerId, names: TillNames, home: Path) -> None:
    """Raise ConfigError where the names of ledger ``own`` are those of ``owner``, another one."""
    if owner not in ("", own):
        raise ConfigError(
            "till.terminal",
            f"store {names.store}, terminal {names.terminal} is or was another till of this"
            f" database, and its receipts say so; give this one another terminal. If it is that"
            f" very till and has lost its ledger.id, write {owner} into {home / 'ledger.id'}.",
        )


def reader_settings(config: Config) -> list[ReaderSettings]:
    """Return what the ``[[reader]]`` tables say. Raises ConfigError."""
    settings: list[ReaderSettings] = [
        configuration.convert(raw, ReaderSettings, f"reader[{index}]")
        for index, raw in enumerate(config.reader)
    ]
    try:
        check_together(settings)
    except ValueError as error:
        raise ConfigError("reader", str(error)) from error
    return settings
