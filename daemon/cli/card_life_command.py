"""``tillcard cards issue``, ``block`` and the like: what becomes of a card, told to the daemon."""

from typing import Annotated, Any

import typer

from daemon.cli.customers_command import answers_of
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    asked,
    at_daemon,
    new_request_id,
    print_json,
    secret,
    whoever,
)

Card = Annotated[str, typer.Argument(help="The card: its number or its UID.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept for ever.")]
NewNumber = Annotated[str, typer.Option(help="What is on the new card; else a number is drawn.")]
Uid = Annotated[str, typer.Option(help="The UID of its chip, in hex digits.")]
Until = Annotated[str, typer.Option(help='Its last day, as 2027-12-31; "" for ever.')]
Approver = Annotated[
    str, typer.Option(help="Who may do it, where --by may not; their PIN is asked for.")
]
Answers = Annotated[
    list[str] | None, typer.Option("--set", help="ID=ANSWER of the customer; again for more.")
]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="A tag of the customer.")]
Consents = Annotated[
    list[str] | None, typer.Option("--consent", help="What was ticked: personal_data …")
]
OF_A_PERSON = ("name", "phone", "email", "birthday", "language")
"""Answers that a profile has fields for; others are to questions of the shop's own."""


@at_daemon
def issue_card(
    where: Where,
    number: Annotated[
        str, typer.Argument(help="What is on it, from stock or new; else a number is drawn.")
    ] = "",
    kind: Annotated[str, typer.Option(help="What rules see as card.kind.")] = "plastic",
    uid: Uid = "",
    reader: Annotated[str, typer.Option(help="Where it lies, in place of what is on it.")] = "",
    issuer: Annotated[str, typer.Option(help="The company whose card it is.")] = "",
    sale: Annotated[str, typer.Option(help="The sale_id that it is given or sold for.")] = "",
    with_card: Annotated[str, typer.Option(help="A card whose account it joins: a family.")] = "",
    holder: Annotated[str, typer.Option(help="Who of the family carries it.")] = "",
    until: Until = "",
    answer: Answers = None,
    tag: Tags = None,
    consent: Consents = None,
    referrer: Annotated[str, typer.Option(help="The customer who sent this one: a card.")] = "",
    partner: Annotated[str, typer.Option(help="The partner who did, by code.")] = "",
    employee: Annotated[str, typer.Option(help="Who did it there, by code.")] = "",
    override: Annotated[
        str, typer.Option(help="Who answers for a condition that is not met; --reason says why.")
    ] = "",
    reason: Reason = "",
    approved_by: Approver = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Issue a card to a customer; one from stock is taken up.

    Example: tillcard cards issue 2900000000018 --sale s-17 --set name=Olha --by anna
    """
    sent_by = {"referrer": referrer, "partner": partner, "employee": employee}
    terms = {
        **{"number": number, "kind": kind, "uid": uid, "reader": reader, "issuer": issuer},
        **{"sale_id": sale, "with_card": with_card, "holder": holder, "until": until},
        **{"profile": _profile(answer, tag, consent) | {k: v for k, v in sent_by.items() if v}},
        **({"override": {"by": override, "reason": reason}} if override else {}),
    }
    _do("card.issue", terms, (by, reason, approved_by), where, as_json=json)


@at_daemon
def replace_card(
    where: Where,
    card: Card,
    reason: Reason,
    number: NewNumber = "",
    uid: Uid = "",
    approved_by: Approver = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Put a new card in the place of one that is lost or broken: account and term stay.

    --by answers for it that whoever asks is the customer.

    Example: tillcard cards replace 2900000000018 --number 2900000000025 --reason "it broke"
    """
    answers = {"by": whoever(by), "reason": reason}
    terms = {"card": card, "number": number, "uid": uid, "override": answers}
    _do("card.replace", terms, (by, reason, approved_by), where, as_json=json)


@at_daemon
def block_card(
    where: Where,
    card: Card,
    reason: Reason,
    approved_by: Approver = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Block a card that is lost. Example: tillcard cards block 2900000000018 --reason lost."""
    _do("card.block", {"card": card}, (by, reason, approved_by), where, as_json=json)


@at_daemon
def unblock_card(
    where: Where,
    card: Card,
    reason: Reason,
    approved_by: Approver = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Unblock a card that was found.

    Example: tillcard cards unblock 2900000000018 --reason "it was in her other coat"
    """
    _do("card.unblock", {"card": card}, (by, reason, approved_by), where, as_json=json)


@at_daemon
def extend_card(
    where: Where,
    card: Card,
    until: Until,
    reason: Reason,
    approved_by: Approver = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Give a card another last day, or none.

    Example: tillcard cards extend 2900000000018 --until 2027-12-31 --reason "a good customer"
    """
    terms = {"card": card, "until": until}
    _do("card.extend", terms, (by, reason, approved_by), where, as_json=json)


@at_daemon
def write_off_card(
    where: Where,
    card: Card,
    reason: Reason,
    approved_by: Approver = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Write a card off for good: nobody has it any more, and nobody gets it.

    Example: tillcard cards write-off 2900000000018 --reason "it was brought back"
    """
    _do("card.write_off", {"card": card}, (by, reason, approved_by), where, as_json=json)


@at_daemon
def take_back_card(
    where: Where,
    card: Card,
    reason: Reason,
    approved_by: Approver = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Put a card that was handed out, and not issued, back into stock.

    For many cards, with an act to sign, there is `tillcard cards hand-out --back`.

    Example: tillcard cards take-back 2900000000018 --reason "the kiosk closes"
    """
    _do("card.take_back", {"card": card}, (by, reason, approved_by), where, as_json=json)


@at_daemon
def transfer_card(
    where: Where,
    card: Card,
    reason: Reason,
    with_card: Annotated[str, typer.Option(help="Who has this card gets it.")] = "",
    answer: Answers = None,
    tag: Tags = None,
    consent: Consents = None,
    approved_by: Approver = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Give a card to somebody, with the balances on it: who --set says, or has --with-card.

    Example: tillcard cards transfer 2900000000018 --set name=Petro --reason "a present"
    """
    profile = _profile(answer, tag, consent)
    terms = {"card": card, "with_card": with_card} | ({"profile": profile} if profile else {})
    done = _done("card.transfer", terms, (by, reason, approved_by), where)
    if json:
        print_json(done)
        return
    moved = [f"{purse} {amount}" for purse, amount in done["moved"].items()]
    typer.echo("  ".join((done["number"], done["account"], *moved)))


def approval_of(approved_by: str) -> dict[str, Any]:
    """Return somebody's word for a request, whose PIN is asked for; nothing for nobody."""
    if not approved_by:
        return {}
    return {"approval": {"by": approved_by, "pin": secret(f"PIN of {approved_by}")}}


def _do(
    method: str, terms: dict[str, Any], who: tuple[str, str, str], where: Where, *, as_json: bool
) -> None:
    done = _done(method, terms, who, where)
    if as_json:
        print_json(done)
        return
    known = (done["number"], done["kind"], done["state"], done["account"], done["until"])
    instead = f"in place of {done['replaced']}" if done["replaced"] else ""
    typer.echo("  ".join(filter(None, (*known, instead))))


def _done(
    method: str, terms: dict[str, Any], who: tuple[str, str, str], where: Where
) -> dict[str, Any]:
    """Return the answer. who: by, why, and who approves it."""
    by, reason, approved_by = who
    said = {"by": whoever(by), "reason": reason, "request_id": new_request_id()}
    done: dict[str, Any] = asked(method, terms | said | approval_of(approved_by), where)
    return done


def _profile(
    answers: list[str] | None, tags: list[str] | None, consents: list[str] | None
) -> dict[str, Any]:
    """Return what is said of a person; nothing where nothing is."""
    said = answers_of(answers or [])
    profile: dict[str, Any] = {name: said.pop(name) for name in OF_A_PERSON if name in said}
    others = {"answers": said, "tags": tags or [], "consents": consents or []}
    return profile | {name: what for name, what in others.items() if what}
