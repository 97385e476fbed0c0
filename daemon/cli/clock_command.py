"""``tillcard clock``: how the till's time stands, and somebody's word on the machine's clock."""

from typing import Annotated, Any

import typer

from daemon.cli.daemon_call import Where, asked, at_daemon, new_request_id

ByName = Annotated[str, typer.Option(help="Who says so.")]
Reason = Annotated[str, typer.Option(help="Why, such as: compared with the radio clock.")]

clock = typer.Typer(invoke_without_command=True, no_args_is_help=False)


@clock.callback()
@at_daemon
def show(
    where: Where,
    context: typer.Context,
) -> None:
    """Show how the running till's time stands; accept or reset it by name.

    The till follows the machine's clock while that is plausible. A clock that jumps ahead is not
    believed until a time server, customers' phones or a day of running confirm it, or somebody
    says so:

    tillcard clock accept --by anna --reason "the shop was closed for a week"

    Where a wrong clock was believed and put right, the till's time is ahead. It then runs at half
    speed; this gives it up at once:

    tillcard clock reset --by anna --reason "the battery was changed"

    Exit status 0: the machine's clock is believed; 1: it is not.
    """
    if context.invoked_subcommand is not None:
        return
    status = asked("status", {}, where)["clock"]
    typer.echo(f"machine's clock  {status['machine']}")
    typer.echo(f"till's time      {status['till']}")
    typer.echo(f"time server      {'yes' if status['synchronised'] else 'no'}")
    if not status["suspect"]:
        return
    command = "accept" if status["suspect"] == "ahead" else "reset"
    typer.echo(f"The machine's clock is {abs(status['offset_s'])} s {status['suspect']}.")
    typer.echo(f"If it is right: tillcard clock {command} --by NAME --reason WHY")
    raise typer.Exit(1)


@clock.command()
@at_daemon
def accept(
    where: Where,
    by: ByName,
    reason: Reason,
) -> None:
    """Follow a machine's clock that is ahead: it is right, so much time has really passed."""
    _set("clock.accept", by, reason, where)


@clock.command()
@at_daemon
def reset(
    where: Where,
    by: ByName,
    reason: Reason,
) -> None:
    """Give up a till's time that is ahead of the machine's clock, because that was wrong once."""
    _set("clock.reset", by, reason, where)


@clock.command("set")
@at_daemon
def set_(
    where: Where,
    now: Annotated[str, typer.Argument(help="The time from now on, with its offset.")],
) -> None:
    """Move on the clock of a simulated till that was started with --now; never back.

    Example: tillcard clock set 2026-12-01T00:00+02:00 --socket .demo/pos.sock
    """
    done = asked("clock.set", {"now": now}, where)
    typer.echo(f"the till's time was {done['was']} and is {done['now']}")


def _set(method: str, by: str, reason: str, where: tuple[Any, Any, Any]) -> None:
    params = {"request_id": new_request_id(), "by": by, "reason": reason}
    done = asked(method, params, where)
    typer.echo(f"the till's time was {done['was']} and is {done['now']}")
