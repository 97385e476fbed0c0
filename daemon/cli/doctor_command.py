"""``tillcard doctor``: what is attached, what is wrong, and how to mend it."""

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

import typer

from daemon.app.startup import check_names, in_words, read_programme, reader_settings
from daemon.base import config as configuration
from daemon.base.chip_section import ChipSection
from daemon.base.clock import Clock, rfc3339
from daemon.base.config import Config, ConfigError
from daemon.base.regular_files import read_text_file
from daemon.chip.hot_list import MADE_AT, HotListError, HotListKeys, decode
from daemon.cli.command_clock import clock_of
from daemon.cli.doctor_devices import Finding, attached
from daemon.keys.chip_keys import ChipKeys, load_chip_keys
from daemon.keys.hot_list_keys import load_hot_list_public_key
from daemon.keys.key_files import KeyFileError
from daemon.ledger.receipts import owner_of
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import LedgerDamagedError, StoreError
from daemon.pos.client import Client, UnreachableError
from daemon.pos.socket_file import socket_paths
from daemon.programme.checks import check
from daemon.programme.programme import local_day

CONFIG_FILE = "tillcard.toml"
DAEMON_S_MAX = 2.0
MENDS = {
    "absent": "plug it in; if it is plugged in, compare its device with what is attached, below",
    "stuck": "take the card away; if that does not help, unplug the reader and plug it in again",
    "denied": "give the daemon's user the right, or end the other program; see what is below",
}
"""What to do about a reader in one of these states."""


def doctor(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help=f"The configuration to look at; else {CONFIG_FILE}, if there is one."),
    ] = None,
) -> None:
    """Look at the configuration, the ledger, the daemon and everything that is attached.

    Changes nothing. Exit status 0: nothing is wrong; 1: something is, and how to mend it.
    """
    if context.invoked_subcommand is not None:
        return
    wrong = False
    for finding in _findings(config, clock_of(context)):
        typer.echo(f"{finding.verdict:>5}  {finding.what}")
        if finding.mend:
            typer.echo(f"       -> {finding.mend}")
        wrong = wrong or finding.verdict == "WRONG"
    raise typer.Exit(1 if wrong else 0)


def _findings(named: Path | None, clock: Clock) -> Iterator[Finding]:
    settings: Config | None = None
    path = named or Path(CONFIG_FILE)
    if not path.exists():
        mend = "tillcard demo --home DIR writes one to start from; then name it with --config"
        yield Finding("WRONG" if named else "note", f"no configuration at {path}", mend)
    else:
        try:
            loaded = configuration.load(path)
            reader_settings(loaded)
            settings = loaded
            yield Finding("ok", f"configuration {path}")
        except ConfigError as error:
            yield Finding("WRONG", f"configuration {path}: {error}", "correct this key")
    if settings is not None:
        yield from _programme(settings, path.parent, clock)
        yield from _ledger(settings, path.parent)
        yield from _chip(settings, path.parent, clock)
        yield from _daemon(settings, path.parent)
    pcsc = [one["name"] for one in settings.reader if one["kind"] == "pcsc"] if settings else []
    yield from attached(pcsc)


def _programme(settings: Config, home: Path, clock: Clock) -> Iterator[Finding]:
    try:
        programme = read_programme(home / settings.programme)
    except ConfigError as error:
        yield Finding("WRONG", str(error), f"tillcard check {home / settings.programme}")
        return
    yield Finding("ok", f"programme {programme.id}, {len(programme.rules)} rules")
    for warning in check(programme, local_day(programme, clock.now())):
        yield Finding("note", f"programme: {warning.path}: {warning.message}")
    for numbers in settings.number_range:
        if numbers.warning:
            yield Finding("note", f"number range {numbers.warning}")


def _ledger(settings: Config, home: Path) -> Iterator[Finding]:
    try:
        store = open_store(settings.ledger, home, read_only=True)
    except LedgerDamagedError as error:
        yield Finding("WRONG", f"ledger {settings.ledger}: {error}", "bring back a backup")
        return
    except StoreError as error:
        mend = "tillcard run makes it at its first start"
        yield Finding("note", f"ledger {settings.ledger}: {error}", mend)
        return
    with closing(store):
        lacks = store.answered.lacking_in(store) if store.answered else ""
        owner = owner_of(store, settings.till.names)
    if lacks:
        mend = "bring back the newer one; docs/install.md says how to go on without"
        yield Finding("WRONG", f"ledger {settings.ledger}: {lacks}", mend)
        return
    try:
        check_names(owner, store.ledger_id, settings.till.names, home)
    except ConfigError as error:
        yield Finding("WRONG", f"ledger {settings.ledger}: {error}", "correct one of the two files")
        return
    yield Finding("ok", f"ledger {settings.ledger}: id {store.ledger_id}")


def _chip(settings: Config, home: Path, clock: Clock) -> Iterator[Finding]:
    section = settings.chip
    if section is None:
        return
    try:
        keys = load_chip_keys(home / section.keys)
    except (KeyFileError, OSError) as error:
        mend = "the till does not start without it; see tillcard cards keys --help"
        yield Finding("WRONG", f"chip keys {section.keys}: {in_words(error)}", mend)
        return
    yield Finding("ok", f"chip keys {section.keys}")
    if section.hot_list:
        yield _hot_list(settings, section, home, keys, clock)


def _hot_list(
    settings: Config, section: ChipSection, home: Path, chip: ChipKeys, clock: Clock
) -> Finding:
    try:
        keys = HotListKeys(load_hot_list_public_key(home / section.hot_list_key), chip)
        if not (home / section.hot_list).exists():
            raise HotListError("it is not there")
        hot = decode(read_text_file(home / section.hot_list, "ascii"), keys)
        if why_not := hot.why_not(clock.now(), _taken_s(settings, home)):
            raise HotListError(why_not)
    except (OSError, UnicodeDecodeError, HotListError, KeyFileError) as error:
        mend = "tillcard cards hot-list makes one where the ledger is; copy it here"
        if not (home / section.hot_list_key).exists():
            mend = f"copy {section.hot_list_key} here"
        return Finding("WRONG", f"hot list {section.hot_list}: {in_words(error)}", mend)
    return Finding("ok", f"hot list {section.hot_list}: of {rfc3339(hot.made_at)}")


def _taken_s(settings: Config, home: Path) -> int:
    """Return when the newest list was made that the till has taken; 0 where nobody knows."""
    with suppress(StoreError), closing(open_store(settings.ledger, home, read_only=True)) as store:
        return store.counters([MADE_AT]).get(MADE_AT, 0)
    return 0


def _daemon(settings: Config, home: Path) -> Iterator[Finding]:
    usual = socket_paths(os.environ)
    path = home / settings.socket.path if settings.socket.path else usual[0]
    try:
        with Client(path, timeout_s=DAEMON_S_MAX) as client:
            status = client.call("status")
    except UnreachableError as error:
        yield Finding("note", str(error))
        return
    yield Finding("ok", f"daemon {status['version']} at {path}, up {status['uptime_s']} s")
    for other in usual:
        if other != path and _answers(other):
            mend = "stop one of them, such as: systemctl stop tillcard"
            yield Finding("WRONG", f"a second daemon at {other}: they share the readers", mend)
    if clock := status["clock"]["suspect"]:
        offset_s = abs(status["clock"]["offset_s"])
        problem = f"the machine's clock is {offset_s} s {clock} of the till's time"
        yield Finding("WRONG", problem, "set it, or say that it is right: tillcard clock --help")
    for reader in status["readers"]:
        name, state, detail = reader["name"], reader["state"], reader["detail"]
        if state in MENDS:
            yield Finding("WRONG", f"reader {name} is {state}: {detail}", MENDS[state])
        else:
            yield Finding("ok", f"reader {name} is {state}")


def _answers(path: Path) -> bool:
    with suppress(UnreachableError), Client(path, timeout_s=DAEMON_S_MAX):
        return True
    return False
