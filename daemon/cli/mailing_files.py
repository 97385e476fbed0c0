"""Files of mailings in the formats that gateways read."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from daemon.base.paper import labels, letters
from daemon.cli.report_files import as_text
from daemon.cli.written_files import own_file, write_own

BOM = "\ufeff"
Message = dict[str, Any]


def write_messages(
    file: Path, how: str, channel: str, variables: Sequence[str], messages: Iterable[Message]
) -> int:
    """Write messages in a format; return how many. Raises OSError where a file is there."""
    match how:
        case "turbosms":
            return _workbook(file, ("phone", "text"), map(_turbosms, messages))
        case "brevo":
            heading = ("EMAIL", "SMS", "FIRSTNAME", "LASTNAME", *map(_upper, variables))
            rows = (_brevo(one, channel, variables) for one in messages)
            return _csv(file, ";", "", heading, rows)
        case "yespo":
            heading = ("email", "phone", "firstName", *variables)
            rows = (_yespo(one, channel, variables) for one in messages)
            return _csv(file, ",", "", heading, rows)
        case "post":
            letters_of = [(_address(one), one["text"]) for one in messages]
            write_own(file, letters(file.stem, letters_of))
            return len(letters_of)
        case _:
            heading = ("account", "name", "contact", "subject", "text")
            rows = ([one[name] for name in heading] for one in messages)
            return _csv(file, ";", BOM, heading, rows)


def write_labels(file: Path, messages: Iterable[Message]) -> None:
    """Write the addresses of letters, for labels. Raises OSError where a file is there."""
    write_own(file, labels(file.stem, map(_address, messages)))


def _address(one: Message) -> str:
    return f"{one['name']}\n{one['contact']}".strip()


def _digits(contact: str) -> str:
    return contact.lstrip("+")


def _turbosms(one: Message) -> list[str]:
    return [_digits(one["contact"]), one["text"]]


def _contacts(one: Message, channel: str) -> list[str]:
    """Return e-mail and telephone: only that of the channel, for which there is a consent."""
    contact = one["contact"]
    return [contact, ""] if channel == "email" else ["", _digits(contact)]


def _brevo(one: Message, channel: str, variables: Sequence[str]) -> list[str]:
    first, _, last = one["name"].partition(" ")
    values = [one["values"].get(name, "") for name in variables]
    return [*_contacts(one, channel), first, last.strip(), *values]


def _yespo(one: Message, channel: str, variables: Sequence[str]) -> list[str]:
    first, _, _ = one["name"].partition(" ")
    return [*_contacts(one, channel), first, *(one["values"].get(name, "") for name in variables)]


def _upper(variable: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in variable).upper()


def _csv(
    file: Path, separator: str, mark: str, heading: Sequence[str], rows: Iterator[list[str]]
) -> int:
    count = 0
    with own_file(file) as opened:
        opened.write(mark)
        written = csv.writer(opened, delimiter=separator)
        written.writerow(heading)
        for count, row in enumerate(rows, start=1):  # noqa: B007 - how many there were
            written.writerow([as_text(cell) for cell in row])
    return count


def _workbook(file: Path, heading: Sequence[str], rows: Iterator[list[str]]) -> int:
    """Write texts alone: no telephone becomes a number, and no text a formula."""
    import xlsxwriter

    own_file(file).close()  # its owner alone reads it
    book = xlsxwriter.Workbook(str(file), {"constant_memory": True})
    sheet, count = book.add_worksheet(), 0
    for place, name in enumerate(heading):
        sheet.write_string(0, place, name)
    for count, row in enumerate(rows, start=1):
        for place, cell in enumerate(row):
            sheet.write_string(count, place, cell)
    book.close()
    return count
