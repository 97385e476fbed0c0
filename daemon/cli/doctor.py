"""``tillcard doctor``: what is attached, what is wrong, and how to mend it."""

import grp
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer

from daemon import config as configuration
from daemon.app import read_programme
from daemon.config import Config, ConfigError
from daemon.ledger.store import StoreError
from daemon.ledger.stores import open_store
from daemon.pos.client import Client, UnreachableError
from daemon.pos.socket_file import socket_paths
from daemon.programme.checks import check
from daemon.readers import pcsc, serial_port
from daemon.readers.errors import ReaderError


class Finding(NamedTuple):
    """One thing looked at. ``mend`` says what to do about it, or ""."""

    verdict: Literal["ok", "note", "WRONG"]
    what: str
    mend: str = ""


def doctor(
    context: typer.Context,
    config: Annotated[
        Path, typer.Option(help="The configuration to look at; there need not be one yet.")
    ] = Path("tillcard.toml"),
) -> None:
    """Look at the configuration, the ledger, the daemon and everything that is attached.

    Changes nothing. Exit status 0: nothing is wrong; 1: something is, and how to mend it.
    """
    if context.invoked_subcommand is not None:
        return
    wrong = False
    for finding in _findings(config):
        typer.echo(f"{finding.verdict:>5}  {finding.what}")
        if finding.mend:
            typer.echo(f"       -> {finding.mend}")
        wrong = wrong or finding.verdict == "WRONG"
    raise typer.Exit(1 if wrong else 0)


def _findings(path: Path) -> Iterator[Finding]:
    settings: Config | None = None
    if not path.exists():
        mend = "tillcard demo --home DIR writes one to start from; then name it with --config"
        yield Finding("note", f"no configuration at {path}", mend)
    else:
        try:
            settings = configuration.load(path)
            yield Finding("ok", f"configuration {path}")
        except ConfigError as error:
            yield Finding("WRONG", f"configuration {path}: {error}", "correct this key")
    if settings is not None:
        yield from _programme(settings, path.parent)
        yield from _ledger(settings, path.parent)
        yield from _daemon(settings, path.parent)
    yield from _pcsc()
    yield from _serial()


def _programme(settings: Config, home: Path) -> Iterator[Finding]:
    try:
        programme = read_programme(home / settings.programme)
    except ConfigError as error:
        yield Finding("WRONG", str(error), f"tillcard check {home / settings.programme}")
        return
    yield Finding("ok", f"programme {programme.id}, {len(programme.rules)} rules")
    for warning in check(programme):
        yield Finding("note", f"programme: {warning.path}: {warning.message}")
    for numbers in settings.number_range:
        if numbers.warning:
            yield Finding("note", f"number range {numbers.warning}")


def _ledger(settings: Config, home: Path) -> Iterator[Finding]:
    try:
        store = open_store(settings.ledger, home, read_only=True)
    except StoreError as error:
        mend = "tillcard run makes it at its first start"
        yield Finding("note", f"ledger {settings.ledger}: {error}", mend)
        return
    yield Finding("ok", f"ledger {settings.ledger}: id {store.ledger_id}")
    store.close()


def _daemon(settings: Config, home: Path) -> Iterator[Finding]:
    path = home / settings.socket.path if settings.socket.path else socket_paths(os.environ)[0]
    try:
        with Client(path, timeout_s=2) as client:
            status = client.call("status")
    except UnreachableError as error:
        yield Finding("note", str(error))
        return
    yield Finding("ok", f"daemon {status['version']} at {path}, up {status['uptime_s']} s")
    for reader in status["readers"]:
        works = reader["state"] not in ("absent", "stuck", "denied")
        yield Finding("ok" if works else "WRONG", f"reader {reader['name']}: {reader['state']}")


def _pcsc() -> Iterator[Finding]:
    try:
        names = pcsc.attached()
    except ReaderError as error:
        mend = "for contactless readers: apt-get install pcscd; systemctl start pcscd"
        yield Finding("note", f"PC/SC: {error}", mend)
        return
    for name in names:
        yield Finding("ok", f'contactless reader: kind = "pcsc", device = "{name}"')
    if not names:
        yield Finding("note", "pcscd runs and shows no reader", "is the reader's cable in?")


def _serial() -> Iterator[Finding]:
    devices = serial_port.attached()
    for device in devices:
        yield Finding("ok", f'serial device: kind = "serial", device = "{device}"')
        if not os.access(device, os.R_OK | os.W_OK):
            group = grp.getgrgid(os.stat(device).st_gid).gr_name
            mend = f"usermod -a -G {group} the daemon's user, and log in again"
            yield Finding("note", f"this user may not open {device}", mend)
    if not devices:
        yield Finding("note", "no serial scanner or stripe reader is attached")
