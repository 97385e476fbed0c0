"""``tillcard.toml``: one struct per table; a mistake is named by the path of its key."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from card_formats.bank_card import IIN_DIGITS_MIN, needs_longer_prefix
from card_formats.errors import CardFormatError
from card_formats.number_ranges import NumberRange
from card_formats.phone.rotating import GOOGLE_PREFIX, PREFIX_DEFAULT
from card_formats.phone.static_number import PREFIXES, check_ean13_prefix
from daemon.base.approval import OperatorName
from daemon.base.chip_section import ChipSection
from daemon.base.config_section import Section
from daemon.base.mailing_config import MailingSection, TriggerSection
from daemon.base.permissions import OperatorRole
from daemon.base.receipt_codes import NAME_CHARS_MAX, TillNames, till_name
from daemon.base.regular_files import read_text_file
from daemon.base.schema_errors import explained, join
from daemon.base.telephones import is_country

HOLD_TTL_S_MAX = 7 * 24 * 3_600
INPUT_TTL_S_MAX = 3_600
DAY_LIMIT_MAX = 10**12
REPORT_S_MAX = 3_600
"""Of one report: it reads one snapshot, for which the database keeps what changes meanwhile."""
RETENTION_YEARS_MAX = 100
GREETING_CHARS_MAX = 120
GREETING_VALUES = ("name", "amount", "day", "status", "purse")
"""What a shop's own greeting may have in braces."""

LanguageCode: TypeAlias = Literal["en", "uk"]
"""The languages that have catalogues, for cashiers and for customers; tests hold both to it."""


class ConfigError(Exception):
    """The file is wrong. ``path`` is the dotted key, such as ``web.port``."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


class TillSection(Section, frozen=True, kw_only=True):
    """Who this till is.

    shop:        the company where the programme names none for the store; acts are numbered for it.
    store, terminal: written on every sale and in the code of its receipt, where only their letters
                 and digits count; on one database no two tills have the same two.
    country:     ISO 3166-1 alpha-2, such as UA: of telephone numbers that are written without a
                 country code. "": those are refused.
    language:    of the sentences for the cashier; a POS may ask for another in ``hello``.
    clock_jump_h: how far the machine's clock may be ahead of the newest entry before somebody or
                  something must confirm it; see ``daemon.base.clock``.
    """

    shop: str = "Our shop"
    store: str = "1"
    terminal: str = "till-1"
    country: str = ""
    language: LanguageCode = "en"
    clock_jump_h: Annotated[int, msgspec.Meta(ge=1, le=8_760)] = 48

    def __post_init__(self) -> None:
        for key in ("store", "terminal"):
            if not 1 <= len(till_name(getattr(self, key))) <= NAME_CHARS_MAX:
                raise ValueError(f"{key}: must have 1 to {NAME_CHARS_MAX} letters and digits")
        if self.country and not is_country(self.country):
            raise ValueError("country: must be two capital letters (ISO 3166-1), such as UA")

    @property
    def names(self) -> TillNames:
        """What sales and receipts call this till."""
        return TillNames(self.store, self.terminal)


class SocketSection(Section, frozen=True, kw_only=True):
    """The POS socket. An empty path means the runtime directory's ``pos.sock``.

    tcp_port: the same protocol on this port of 127.0.0.1, for programs that have no Unix sockets;
              0 takes any free port. A client says hello with the token in ``token_file``, which
              is made at the first start.
    """

    path: str = ""
    group: str = "tillcard"
    tcp_port: int | None = None
    token_file: str = "pos.token"

    def __post_init__(self) -> None:
        if self.tcp_port is not None and not 0 <= self.tcp_port <= 65_535:
            raise ValueError("tcp_port: must be 0 to 65535")


class PolicySection(Section, frozen=True, kw_only=True):
    """What a cashier may do.

    spend_from: the weakest trust that may burn a balance without an override.
    typed_spend_max: what a typed number may burn in one sale without one, in minor units; 0: it
                only collects. Unset: like any other number that can be copied.
    topup_max: the most that is put on a card at once, in the purse's unit. Unset: 10 000 000.00.
    adjust_max: how much of a purse, in its unit, a manager gives or takes at once by
                ``points.adjust``; an owner any amount.
    known_operators: whether ``cashier`` and ``by`` must name an operator whose role may do it.
    hold_ttl_s: how long a hold lasts when the POS does not say.
    input_ttl_s: how long a scanned or typed card waits for the POS to ask about it.
    """

    spend_from: Literal["static", "uid", "password", "sun", "rotating", "mutual_auth"] = "uid"
    typed_spend_max: int | None = None
    topup_max: int | None = None
    adjust_max: int = 0
    known_operators: bool = False
    hold_ttl_s: int = 900
    input_ttl_s: int = 120

    def __post_init__(self) -> None:
        if (self.typed_spend_max or 0) < 0:
            raise ValueError("typed_spend_max: must be 0 or more")
        if self.topup_max is not None and self.topup_max < 1:
            raise ValueError("topup_max: must be 1 or more")
        if self.adjust_max < 0:
            raise ValueError("adjust_max: must be 0 or more")
        if not 1 <= self.hold_ttl_s <= HOLD_TTL_S_MAX:
            raise ValueError(f"hold_ttl_s: must be 1 to {HOLD_TTL_S_MAX}")
        if not 1 <= self.input_ttl_s <= INPUT_TTL_S_MAX:
            raise ValueError(f"input_ttl_s: must be 1 to {INPUT_TTL_S_MAX}")


class LimitsSection(Section, frozen=True, kw_only=True):
    """What is allowed on a local day; 0: no limit. A manager's approval lets one sale through.

    card_day_sales:    sales to one customer, by any of their cards.
    card_day_discount: what all rules take off for them, in minor units.
    cashier_day_asked: what a cashier's own asking (``ask``) takes off, in minor units.
    cashier_day_overrides: sales that a cashier makes by an override.
    till_day_discount: what all rules take off at this till, in minor units.
    """

    card_day_sales: int = 0
    card_day_discount: int = 0
    cashier_day_asked: int = 0
    cashier_day_overrides: int = 0
    till_day_discount: int = 0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0 <= getattr(self, name) <= DAY_LIMIT_MAX:
                raise ValueError(f"{name}: must be 0 (no limit) to {DAY_LIMIT_MAX}")


class ReportsSection(Section, frozen=True, kw_only=True):
    """How the books are asked. timeout_s: how long one report may take before it is ended."""

    timeout_s: int = 60

    def __post_init__(self) -> None:
        if not 1 <= self.timeout_s <= REPORT_S_MAX:
            raise ValueError(f"timeout_s: must be 1 to {REPORT_S_MAX}")


class RetentionSection(Section, frozen=True, kw_only=True):
    """How long it stays known who somebody is.

    dormant_years: a customer of whom nothing was heard for so long is to be erased.
    acts_years:    names stay on acts about cards for so long, for the books, of erased customers.
    auto:          whether the day's work erases who is to be erased; who has money left is not.
    """

    dormant_years: Annotated[int, msgspec.Meta(ge=1, le=RETENTION_YEARS_MAX)] = 3
    acts_years: Annotated[int, msgspec.Meta(ge=0, le=RETENTION_YEARS_MAX)] = 3
    auto: bool = False


class BooksSection(Section, frozen=True, kw_only=True):
    """The accounts that cards are booked on.

    supplier, tax_in: who is owed for a batch, and the tax on it. selling: what cards cost that are
                      given. customers, revenue, tax_of_sales, cost_of_sales, tax_out: of cards that
                      are sold. losses: of cards that are spoilt or lost.
    """

    supplier: str = "60"
    tax_in: str = "19"
    selling: str = "44"
    customers: str = "62"
    revenue: str = "90.1"
    cost_of_sales: str = "90.2"
    tax_of_sales: str = "90.3"
    tax_out: str = "68"
    losses: str = "94"


class ShopText(Section, frozen=True, kw_only=True):
    """A text of the shop's own in the languages that there are; "" where the daemon's will do."""

    en: str = ""
    uk: str = ""

    def __post_init__(self) -> None:
        for language in ("en", "uk"):
            text = getattr(self, language)
            if len(text) > GREETING_CHARS_MAX:
                raise ValueError(f"{language}: has more than {GREETING_CHARS_MAX} letters")
            try:
                text.format_map(dict.fromkeys(GREETING_VALUES, ""))
            except (KeyError, IndexError, ValueError, AttributeError):
                known = ", ".join(f"{{{name}}}" for name in GREETING_VALUES)
                raise ValueError(f"{language}: in braces may stand {known}") from None


class GreetingSection(Section, frozen=True, kw_only=True):
    """What the cashier is told of a card, and ``thanks`` on its receipt, in the shop's own words.

    dormant_days: after so many days without a purchase a customer is welcomed back.
    """

    dormant_days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] = 90
    birthday: ShopText = ShopText()
    back: ShopText = ShopText()
    candidate: ShopText = ShopText()
    stay: ShopText = ShopText()
    expiring: ShopText = ShopText()
    hello: ShopText = ShopText()
    thanks: ShopText = ShopText()


class CardNumbersSection(Section, frozen=True, kw_only=True):
    """The prefixes of the numbers that phone cards are given, and of the codes phones show.

    ean13_prefix: of the EAN-13 beside a card's number; "": cards have none, and every EAN-13 and
    UPC-A is a product, if no ``[[number_range]]`` has it.
    rotating_prefix, google_prefix: 90 to 98, never 99; of the code on the card page, and of the
    one that Google Wallet shows.
    """

    prefix: str = "91"
    ean13_prefix: str = ""
    rotating_prefix: str = PREFIX_DEFAULT
    google_prefix: str = GOOGLE_PREFIX

    def __post_init__(self) -> None:
        for key in ("prefix", "rotating_prefix", "google_prefix"):
            if getattr(self, key) not in PREFIXES:
                raise ValueError(f"{key}: a card's prefix is 90 to 98")
        try:
            if self.ean13_prefix:
                check_ean13_prefix(self.ean13_prefix)
        except CardFormatError as error:
            raise ValueError(f"ean13_prefix: {error.message}") from None


class SimulatedSection(Section, frozen=True, kw_only=True):
    """What the sample cards of simulated readers say.

    chip: ``token``, which tells its UID and no more, or ``purse``, a DESFire with a purse made with
          the shop's keys; what it holds is kept beside this file.
    """

    plastic: str
    phone: str
    stripe: str
    chip_uid: str
    chip: Literal["token", "purse"] = "token"

    def __post_init__(self) -> None:
        try:
            bytes.fromhex(self.chip_uid)
        except ValueError:
            raise ValueError("chip_uid: must be bytes in hex, such as 04A1B2C3D4E580") from None


class Config(Section, frozen=True, kw_only=True):
    """The whole file. Relative paths are relative to it.

    ledger:    a file for SQLite, or ``postgresql://…``.
    cashiers:  operators that a start adds where there are none of these names yet, by role, such
               as ``olha = "senior"``; who they are is the ledger's from then on.
    chip:      without the table a chip only tells its UID.
    web:       decoded by the web server; without the table there are no phone cards.
    reader:    decoded by the readers themselves, each by its ``kind``.
    """

    programme: str
    ledger: str = "tillcard.db"
    till: TillSection = TillSection()
    socket: SocketSection = SocketSection()
    web: dict[str, Any] | None = None
    policy: PolicySection = PolicySection()
    greeting: GreetingSection = GreetingSection()
    limits: LimitsSection = LimitsSection()
    reports: ReportsSection = ReportsSection()
    retention: RetentionSection = RetentionSection()
    books: BooksSection = BooksSection()
    mailing: MailingSection = MailingSection()
    cashiers: dict[OperatorName, OperatorRole] = msgspec.field(default_factory=dict)
    card_numbers: CardNumbersSection = CardNumbersSection()
    chip: ChipSection | None = None
    number_range: tuple[NumberRange, ...] = ()
    trigger: tuple[TriggerSection, ...] = ()
    reader: tuple[dict[str, Any], ...] = ()
    simulated: SimulatedSection | None = None


def load(path: Path) -> Config:
    """Read the file. Raises ConfigError."""
    try:
        text = read_text_file(path)
    except FileNotFoundError:
        raise ConfigError(
            "", f"there is no file {path}; `tillcard demo --home DIR` writes one to start from"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", "it is no UTF-8 text; save it as UTF-8")
        raise ConfigError("", f"{path} cannot be read: {problem}") from error
    return parse(text, str(path))


def chip_section(config: Config) -> ChipSection:
    """Return the table of chips, which has to be there. Raises ConfigError."""
    if config.chip is None:
        raise ConfigError("chip", "there is no [chip] table; an empty one will do")
    return config.chip


def parse(text: str, file: str = "the configuration") -> Config:
    """Decode the text of ``file``, which is named where it is no TOML. Raises ConfigError."""
    try:
        raw = tomllib.loads(text)
        has_nul = any("\0" in text for text in _texts(raw))  # no path, device or address has one
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("", f"{file} is not TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError("", f"{file} has lists and tables that are nested too deeply") from error
    if has_nul:
        raise ConfigError("", rf"a text in {file} has the character \u0000; take it out")
    config: Config = convert(raw, Config)
    _check_ranges(config.number_range)
    _check_triggers(config.trigger)
    return config


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _check_ranges(ranges: tuple[NumberRange, ...]) -> None:
    for index, each in enumerate(ranges):
        at = f"number_range[{index}]"
        if needs_longer_prefix(each):
            what = f"bank cards begin so too; write {IIN_DIGITS_MIN} digits or more of your own"
            raise ConfigError(f"{at}.prefix", what)
        for other in ranges[:index]:
            one_shape = (other.prefix, other.length) == (each.prefix, each.length)
            if one_shape and (not (other.media and each.media) or {*other.media} & {*each.media}):
                raise ConfigError(at, f"{other.name} has this prefix and length already")


def _check_triggers(triggers: tuple[TriggerSection, ...]) -> None:
    names = [each.name for each in triggers]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ConfigError(f"trigger[{index}].id", f"{name} stands twice; give each its own id")


def convert(raw: object, section: Any, at: str = "") -> Any:
    """Convert plain TOML values to ``section``, which stands at the dotted path ``at``."""
    try:
        return msgspec.convert(raw, section)
    except msgspec.ValidationError as error:
        path, message = explained(str(error), section)
        key, is_table, rest = message.partition(": ")
        if is_table and key.isidentifier():  # a table that names its key itself
            path, message = join(path, key), rest
        raise ConfigError(join(at, path), message) from error
