"""``tillcard customers photo``, ``private``: what few may see of a person."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from daemon.app.startup import in_words
from daemon.base.regular_files import read_file
from daemon.cli.customers_command import Reason, Whom, whose
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    asked,
    at_daemon,
    failed,
    new_request_id,
    print_json,
    whoever,
)
from daemon.cli.written_files import write_own
from daemon.customers.photos import PART_CHARS_MAX
from daemon.customers.pictures import PICTURE_BYTES_MAX, SENTENCES, Problem

_PART_BYTES = PART_CHARS_MAX // 4 * 3


@at_daemon
def photo(
    where: Where,
    whom: Whom,
    file: Annotated[
        Path | None, typer.Argument(help="A JPEG, PNG or WebP, up to 8 MB and 40 megapixels.")
    ] = None,
    kind: Annotated[
        Literal["photo", "signature"], typer.Option(help="Of the person, or how they sign.")
    ] = "photo",
    remove: Annotated[bool, typer.Option("--remove", help="Take the picture away.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the picture that is kept here.")] = None,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Set a customer's photo or a sample of the signature, take it away, or write it into a file.

    Kept is a small JPEG that stands upright, without place, time and whatever else was in the file.

    Example: tillcard customers photo 2900000000018 olena.jpg --by anna
    """
    if (file is not None) + remove + (out is not None) != 1:
        raise typer.BadParameter("say one of: a file, --remove, --out")
    terms = whose(whom) | {"kind": kind, "by": whoever(by)}
    if out is not None:
        done = _written(terms, out, where)
    else:
        done = _set(terms, _read(file) if file else b"", where)
    if json:
        print_json({name: said for name, said in done.items() if name != "image"})
    else:
        typer.echo(f"{done['account']}: {kind} {out or done['state']}")


@at_daemon
def private(
    where: Where,
    whom: Whom,
    reason: Reason,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Show a customer's answers to sensitive questions; who looks, when and why is an entry.

    Example: tillcard customers private 2900000000018 --by maria --reason "checks the passport"
    """
    shown = asked("customer.private", whose(whom) | {"by": whoever(by), "reason": reason}, where)
    if json:
        print_json(shown)
        return
    for name, said in shown["answers"].items():
        typer.echo(f"{name}: {', '.join(said) if isinstance(said, list) else said}")


def _read(file: Path) -> bytes:
    try:
        content = read_file(file)
    except OSError as error:
        raise failed(in_words(error)) from error
    if not content or len(content) > PICTURE_BYTES_MAX:
        problem = Problem.TOO_LONG if content else Problem.UNKNOWN
        raise failed(f"{file} {SENTENCES[problem]}.")
    return content


def _set(terms: dict[str, Any], content: bytes, where: Where) -> dict[str, Any]:
    """Send a file, part by part; return what the last part was answered."""
    terms = terms | {"request_id": new_request_id()}
    done: dict[str, Any] = {}
    for part in _parts(content):
        done = asked("customer.photo", terms | part, where)
    return done


def _parts(content: bytes) -> Iterator[dict[str, Any]]:
    starts = range(0, len(content), _PART_BYTES) or range(1)
    for part, start in enumerate(starts, start=1):
        piece = base64.b64encode(content[start : start + _PART_BYTES]).decode("ascii")
        yield {"image": piece, "part": part, "parts": len(starts)}


def _written(terms: dict[str, Any], out: Path, where: Where) -> dict[str, Any]:
    shown: dict[str, Any] = asked("customer.photo_show", terms, where)
    if not shown["image"]:
        raise failed(f"{shown['account']} has no {terms['kind']}.")
    try:
        write_own(out, base64.b64decode(shown["image"]))
    except OSError as error:
        raise failed(in_words(error)) from error
    return shown
