"""``tillcard watch``: what happens at the till, one line for each event."""

from datetime import datetime, tzinfo
from typing import Annotated, Any

import msgspec
import typer

from daemon.cli.daemon_call import Where, advice, at_daemon, connected, failed
from daemon.pos.client import CallError, UnreachableError

FIXED_FIELDS = {"seq", "event_id", "at", "reader", "type"}


@at_daemon
def watch(
    where: Where,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as JSON.")] = False,
    from_seq: Annotated[
        int | None, typer.Option(min=1, help="Begin with this event, not with the next.")
    ] = None,
) -> None:
    """Print the till's events as they happen, until Ctrl-C."""
    try:
        with connected(where) as client:
            for event in client.events(from_seq):
                line = msgspec.json.encode(event).decode() if as_json else event_line(event)
                typer.echo(line)
    except UnreachableError as error:
        raise failed(str(error)) from error
    except CallError as error:
        raise failed(f"The daemon sends no events. {advice(error, {})}") from error
    except KeyboardInterrupt:
        return


def event_line(event: dict[str, Any], zone: tzinfo | None = None) -> str:
    """Return an event for people, with its time in ``zone`` (None: the machine's)."""
    at = datetime.fromisoformat(event["at"]).astimezone(zone)
    head = f"{at:%H:%M:%S}  #{event['seq']}  {event['reader'] or '-'}  {event['type']}"
    rest = {name: value for name, value in event.items() if name not in FIXED_FIELDS}
    return "  ".join([head, *(f"{name}={_plain(value)}" for name, value in rest.items())])


def _plain(value: object) -> str:
    """Return a value on one line: a scanned text may have line ends, and marks that nobody sees."""
    if isinstance(value, str):
        return value if value.isprintable() else repr(value)
    return msgspec.json.encode(value).decode()
