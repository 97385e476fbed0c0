"""Who may do what: the roles of operators, the actions of a shop, and the table between. Pure.

    cashier < senior < manager < owner        accountant stands beside them, and reads

An action is done by everybody from its least role up. A senior blocks a card, so a manager and an
owner do, too; a cashier and an accountant do not. What is read may be seen in part: a senior sees
their own sales, a manager with stores sees those, an accountant sees no customer's name.
"""

from collections.abc import Mapping
from enum import StrEnum


class OperatorRole(StrEnum):
    """What somebody is in the shop."""

    CASHIER = "cashier"
    SENIOR = "senior"
    MANAGER = "manager"
    OWNER = "owner"
    ACCOUNTANT = "accountant"


class Action(StrEnum):
    """What an operator does, one name for each thing that is allowed or not by itself."""

    SELL = "sell"
    RETURN_TODAY = "return_today"
    """A sale of the same day and the own store."""
    IDENTIFY = "identify"
    SHOW_CARD = "show_card"
    ISSUE = "issue"
    FILL = "fill"
    """A questionnaire."""
    TOP_UP = "top_up"

    RETURN_OTHER = "return_other"
    """A sale of an earlier day, or of another store."""
    BLOCK = "block"
    UNBLOCK = "unblock"
    REPLACE = "replace"
    EXTEND = "extend"
    TRANSFER = "transfer"
    CHANGE_CONTACT = "change_contact"
    OVERRIDE = "override"
    ASSIGN_AT_ISSUE = "assign_at_issue"
    REVOKE_PHONE = "revoke_phone"
    CLOSE_DAY = "close_day"

    TAKE_BACK = "take_back"
    HAND_OUT = "hand_out"
    ACTS = "acts"
    WRITE_OFF = "write_off"
    MERGE = "merge"
    ASSIGN_LATER = "assign_later"
    JUDGE_FINDING = "judge_finding"
    CLUB_DECIDE = "club_decide"
    MAIL_SMALL = "mail_small"
    """A mailing up to ``[mailing] manager_max`` recipients."""
    CODES = "codes"
    ADJUST = "adjust"
    """Points, up to ``[policy] adjust_max``."""
    DECIDE_CHIP = "decide_chip"
    SET_CLOCK = "set_clock"
    UNMET_CONDITION = "unmet_condition"
    """A card is issued though a condition of its issue is not met."""
    BEYOND_LIMIT = "beyond_limit"
    """A sale goes beyond a limit of ``[limits]``."""
    SEE_PRIVATE = "see_private"
    """A customer's photo and signature, and answers to sensitive questions."""

    PROGRAMME = "programme"
    QUESTIONNAIRE = "questionnaire"
    PARTNERS = "partners"
    PAYOUT = "payout"
    ERASE = "erase"
    EXPORT_PERSON = "export_person"
    OPERATORS = "operators"
    UNDO = "undo"
    MAIL_ANY = "mail_any"
    IMPORT = "import"
    ADJUST_ANY = "adjust_any"

    READ_REPORTS = "read_reports"
    EXPORT_BOOKS = "export_books"
    """Acts, statements, books and closings: reading and exporting them."""


class Sight(StrEnum):
    """How much of what is read somebody sees."""

    NOTHING = ""
    OWN = "own"
    STORE = "store"
    """The stores of the operator; all where none are named."""
    ALL = "all"
    MASKED = "masked"
    """All, and names as ``O… I…``."""


_LADDER = (
    OperatorRole.CASHIER,
    OperatorRole.SENIOR,
    OperatorRole.MANAGER,
    OperatorRole.OWNER,
)
READS: Mapping[Action, Mapping[OperatorRole, Sight]] = {
    Action.READ_REPORTS: {
        OperatorRole.SENIOR: Sight.OWN,
        OperatorRole.MANAGER: Sight.STORE,
        OperatorRole.OWNER: Sight.ALL,
        OperatorRole.ACCOUNTANT: Sight.MASKED,
    },
    Action.EXPORT_BOOKS: {
        OperatorRole.MANAGER: Sight.STORE,
        OperatorRole.OWNER: Sight.ALL,
        OperatorRole.ACCOUNTANT: Sight.ALL,
    },
}
"""What is read, and how much of it who sees; a role that is not there sees nothing."""
_FIRST_OF = {
    Action.SELL: OperatorRole.CASHIER,
    Action.RETURN_OTHER: OperatorRole.SENIOR,
    Action.TAKE_BACK: OperatorRole.MANAGER,
    Action.PROGRAMME: OperatorRole.OWNER,
}
"""With which action the part of each role begins, in the order of ``Action``."""


def _least_roles() -> dict[Action, OperatorRole]:
    least, role = {}, OperatorRole.CASHIER
    for action in Action:
        role = _FIRST_OF.get(action, role)
        if action not in READS:
            least[action] = role
    return least


LEAST: Mapping[Action, OperatorRole] = _least_roles()
"""The least role that does each action."""


def may(role: OperatorRole, action: Action) -> bool:
    """Whether somebody of this role does this by themselves."""
    if action in READS:
        return role in READS[action]
    return role in _LADDER and _LADDER.index(role) >= _LADDER.index(LEAST[action])


def sight(role: OperatorRole, action: Action) -> Sight:
    """Return how much of what ``action``, one of READS, shows somebody of this role sees."""
    return READS[action].get(role, Sight.NOTHING)


def needs(action: Action) -> OperatorRole:
    """Return the least role that may: for the sentence that says whom to ask."""
    return LEAST[action] if action in LEAST else next(iter(READS[action]))
