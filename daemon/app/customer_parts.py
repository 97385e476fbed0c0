"""Puts together what is known of customers, and what may be done with it."""

from collections.abc import Callable

from daemon.accounts.cards import Cards
from daemon.accounts.operators import Operators
from daemon.base.clock import Clock
from daemon.customers.customers import Customers
from daemon.customers.dossiers import Dossiers
from daemon.customers.inviting import Inviting
from daemon.customers.merging import Merging
from daemon.customers.photos import Photos
from daemon.customers.picture_maker import PictureMaker
from daemon.customers.private_answers import PrivateAnswers
from daemon.customers.profiles import Profiles
from daemon.customers.questionnaires import Questionnaires
from daemon.customers.searching import Searching
from daemon.ledger.ledger import Ledger
from daemon.pos.customer_methods import CustomerMethods
from daemon.pos.friend_methods import FriendMethods
from daemon.pos.private_methods import PrivateMethods
from daemon.programme.programme import Programme


def customer_methods(
    ledger: Ledger,
    known_by: tuple[Cards, Profiles, Questionnaires],
    clock: Clock,
    programme: Callable[[], Programme],
    operators: Operators,
) -> tuple[CustomerMethods, PrivateMethods, FriendMethods]:
    """Return the handlers of the socket for customers. known_by: what they are known by."""
    cards, profiles, questionnaires = known_by
    customers = Customers(ledger, cards, profiles, clock)
    known = CustomerMethods(
        questionnaires,
        customers,
        Searching(ledger, cards),
        Dossiers(ledger, customers, clock, programme),
        Merging(ledger, clock, lambda: programme().statuses),
        cards.guesses,
        operators,
    )
    photos = Photos(ledger, customers, questionnaires, clock, PictureMaker())
    answers = PrivateAnswers(ledger, customers, clock)
    inviting = Inviting(ledger, customers, clock, programme)
    return (
        known,
        PrivateMethods(photos, answers, cards.guesses, operators),
        FriendMethods(inviting, cards.guesses, operators),
    )
