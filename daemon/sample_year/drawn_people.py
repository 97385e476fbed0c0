"""The people of the sample year: customers, partners who sent them, and who sells. Pure.

Everything follows from the generator of random numbers that is handed in, so a seed gives the same
people on every machine.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from card_formats.check_digits import Check, append_check

CUSTOMERS, PARTNERS, STAFF_OF_PARTNERS = 3_000, 20, 3
DAYS = 365
SENT_SHARE, PHONE_SHARE, MAIL_SHARE, BIRTHDAY_SHARE, MAY_WRITE_SHARE = 0.4, 0.9, 0.5, 0.7, 0.6
"""Of customers: sent by a partner; who left a telephone, an e-mail, a birthday; who may be sent
messages."""
FIRST_DAY_SHARE = 0.3
"""Of customers, who come in the first week: the shop is not new, only its programme."""
SLEEP_SHARE = 0.2
"""Of customers, who stop coming some day."""
NUMBERS_BEGIN = 100
"""The first of the sample cards' numbers; the demo's own are below."""
_RANGE, _NUMBER_DIGITS = "2900", 8
"""The shop's own plastic, as the sample configuration declares it."""
FIRST_NAMES = (
    *("Olena", "Iryna", "Oksana", "Nataliia", "Tetiana", "Yuliia", "Svitlana", "Kateryna"),
    *("Mariia", "Anna", "Viktoriia", "Halyna", "Liudmyla", "Daryna", "Sofiia", "Zoriana"),
    *("Oleksandr", "Andrii", "Serhii", "Mykola", "Dmytro", "Ivan", "Taras", "Bohdan"),
    *("Vasyl", "Yurii", "Petro", "Maksym", "Roman", "Ihor", "Stepan", "Ostap"),
)
LAST_NAMES = (
    *("Kovalenko", "Bondarenko", "Tkachenko", "Kravchenko", "Oliinyk", "Shevchenko", "Koval"),
    *("Polishchuk", "Bondar", "Tkachuk", "Moroz", "Marchenko", "Lysenko", "Rudenko", "Savchenko"),
    *("Petrenko", "Klymenko", "Pavlenko", "Levchenko", "Melnyk", "Hrytsenko", "Vasylenko"),
    *("Panchenko", "Karpenko", "Sydorenko", "Harkusha", "Didenko", "Yurchenko", "Zinchenko"),
)
COMPANIES = (
    *("Gym Olympia", "Travel desk Mandry", "School of dance Rytm", "Dentist Perlyna"),
    *("Bookshop Ye", "Cinema Zoria", "Garage Motor", "Hotel Lypa", "Pharmacy Zhyttia"),
    *("Yoga room Lotos", "Language school Slovo", "Barber Hetman", "Flowers Volosha"),
    *("Kindergarten Sonechko", "Office centre Kub", "Taxi Vilno", "Theatre Berezil"),
    *("Library Znannia", "Pool Delfin", "Museum Lavra"),
)
CASHIERS = ("anna", "vira", "taras", "nadia", "yaryna", "lesia")
SENIOR, MANAGER, OWNER, ACCOUNTANT = "maksym", "maria", "olha", "roman"


class Person(NamedTuple):
    """A customer.

    since, until: the first day of the year on which they may buy, and the last one.
    often:        how often they come beside others. spends: their usual receipt, minor units.
    partner, employee: the codes of who sent them, or "".
    """

    number: str
    name: str
    phone: str
    email: str
    birthday: str
    consents: tuple[str, ...]
    partner: str
    employee: str
    since: int
    until: int
    often: float
    spends: int


def card_number(n: int) -> str:
    """Return the n-th number of the shop's plastic."""
    return append_check(Check.EAN, f"{_RANGE}{n:0{_NUMBER_DIGITS}d}")


def partner_code(partner: int) -> str:
    """Return the code that a directory gives the n-th partner."""
    return f"P{partner + 1:04d}"


def employee_code(partner: int, employee: int) -> str:
    """Return the code of a partner's n-th employee."""
    return f"{partner_code(partner)}-{employee + 1:02d}"


def draw_people(random: Random, count: int = CUSTOMERS) -> list[Person]:
    """Draw customers, in the order in which they come."""
    people = [_person(random, n) for n in range(count)]
    return sorted(people, key=lambda one: one.since)


def telephone_s_owner(people: Sequence[Person]) -> Person | None:
    """Return a customer of the first partner whose telephone is that partner's own."""
    sent = (one for one in people if one.partner == partner_code(0) and one.phone)
    return next((one for one in sent if one.until == DAYS), None)


def _person(random: Random, n: int) -> Person:
    name = f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"
    since = random.randrange(7) if random.random() < FIRST_DAY_SHARE else random.randrange(DAYS)
    sleeps = random.random() < SLEEP_SHARE
    until = random.randrange(since, DAYS) if sleeps else DAYS
    phone = f"+38067{1_000_000 + n:07d}" if random.random() < PHONE_SHARE else ""
    address = name.lower().replace(" ", ".")
    email = f"{address}.{n}@example.com" if random.random() < MAIL_SHARE else ""
    born = date(1950, 1, 1) + timedelta(random.randrange(20_000))
    consents = ["personal_data"]
    if random.random() < MAY_WRITE_SHARE:
        consents += ["marketing:sms"] if phone else []
        consents += ["marketing:email"] if email else []
    partner = random.randrange(PARTNERS) if random.random() < SENT_SHARE else None
    employee = random.randrange(STAFF_OF_PARTNERS)
    return Person(
        number=card_number(NUMBERS_BEGIN + n),
        name=name,
        phone=phone,
        email=email,
        birthday=str(born) if random.random() < BIRTHDAY_SHARE else "",
        consents=tuple(consents),
        partner="" if partner is None else partner_code(partner),
        employee="" if partner is None else employee_code(partner, employee),
        since=since,
        until=until,
        # Few come every other day, most now and then: as in shops.
        often=random.paretovariate(1.3),
        spends=round(random.lognormvariate(10.3, 0.5)),
    )
