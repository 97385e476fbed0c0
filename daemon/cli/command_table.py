"""The table of commands, for ``tillcard --help``."""

import sys

import typer

from daemon.cli.act_command import act, hand_out
from daemon.cli.alliance_command import alliance
from daemon.cli.audit_command import audit
from daemon.cli.backup_command import backup
from daemon.cli.batch_command import batch
from daemon.cli.books_command import books
from daemon.cli.call_command import call
from daemon.cli.card_life_command import (
    block_card,
    extend_card,
    issue_card,
    replace_card,
    take_back_card,
    transfer_card,
    unblock_card,
    write_off_card,
)
from daemon.cli.cards_command import cards
from daemon.cli.check_command import check
from daemon.cli.clock_command import clock
from daemon.cli.closings_command import closings
from daemon.cli.club_command import club
from daemon.cli.club_settings_command import settings_club
from daemon.cli.club_simulate_command import simulate_club
from daemon.cli.command_clock import clock_of
from daemon.cli.customer_private_command import photo, private
from daemon.cli.customers_command import customers
from daemon.cli.demo_command import demo
from daemon.cli.doctor_command import doctor
from daemon.cli.doctor_scan_command import doctor_scan
from daemon.cli.erase_command import erase, to_erase
from daemon.cli.findings_command import findings
from daemon.cli.head_command import head
from daemon.cli.hot_list_command import hot_list, hot_list_key
from daemon.cli.import_command import import_list, import_status, import_table, import_undo
from daemon.cli.issue_command import issue
from daemon.cli.mailing_command import mailing
from daemon.cli.mailing_text_command import text
from daemon.cli.operators_command import operators
from daemon.cli.partners_command import partners
from daemon.cli.phone_keys_command import phone_keys
from daemon.cli.plan_command import plan
from daemon.cli.price_command import price
from daemon.cli.programme_command import programme
from daemon.cli.questionnaire_command import questionnaire
from daemon.cli.report_command import report
from daemon.cli.run_command import HELP as RUN_HELP
from daemon.cli.run_command import main as run_main
from daemon.cli.watch_command import watch

app = typer.Typer(
    name="tillcard",
    help="The card daemon for the till: any card in, the right discount out, never counted twice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command(
    help=RUN_HELP, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def run(context: typer.Context) -> None:
    """Hand over to the command that is also reached without these libraries."""
    sys.exit(run_main(context.args, clock_of(context)))


app.command()(demo)
app.command()(call)
app.command()(watch)
app.command()(price)
app.command()(check)
app.command()(audit)
app.command()(head)
app.command()(backup)
app.add_typer(clock, name="clock")
doctors = typer.Typer(invoke_without_command=True)
doctors.callback()(doctor)
doctors.command("scan")(doctor_scan)
app.add_typer(doctors, name="doctor")
app.command()(issue)
cards.command()(batch)
cards.command()(hand_out)
cards.command("take-back")(take_back_card)
cards.command("issue")(issue_card)
cards.command("replace")(replace_card)
cards.command("transfer")(transfer_card)
cards.command("block")(block_card)
cards.command("unblock")(unblock_card)
cards.command("extend")(extend_card)
cards.command("write-off")(write_off_card)
cards.add_typer(act, name="act")
cards.command()(phone_keys)
cards.command()(hot_list)
cards.command()(hot_list_key)
app.command()(books)
app.add_typer(closings, name="closings")
app.add_typer(cards, name="cards")
app.add_typer(operators, name="operators")
app.add_typer(plan, name="plan")
app.add_typer(programme, name="programme")
customers.command()(photo)
customers.command()(private)
club.command("settings")(settings_club)
club.command("simulate")(simulate_club)
app.add_typer(club, name="club")
customers.command("import")(import_table)
customers.command("import-undo")(import_undo)
customers.command("import-status")(import_status)
customers.command("import-list")(import_list)
customers.command()(erase)
customers.command("to-erase")(to_erase)
app.add_typer(customers, name="customers")
app.add_typer(questionnaire, name="questionnaire")
app.add_typer(partners, name="partners")
app.add_typer(alliance, name="alliance")
app.add_typer(report, name="report")
mailing.command()(text)
app.add_typer(mailing, name="mailing")
app.add_typer(findings, name="findings")
