"""Every method that the socket serves, in one table."""

from daemon.pos.card_methods import CardMethods
from daemon.pos.clock_methods import ClockMethods
from daemon.pos.discover import openrpc
from daemon.pos.dispatch import Method
from daemon.pos.sale_methods import SaleMethods
from daemon.pos.session_methods import SESSION_METHODS
from daemon.pos.shop_methods import ShopMethods
from daemon.pos.till_methods import TillMethods


def method_table(
    till: TillMethods,
    sale: SaleMethods,
    cards: CardMethods,
    shop: ShopMethods,
    clock: ClockMethods,
) -> dict[str, Method]:
    """Return the methods by name, with ``rpc.discover``, which describes them all."""
    table = SESSION_METHODS | till.methods() | sale.methods() | cards.methods()
    table |= shop.methods() | clock.methods()
    return table | {"rpc.discover": openrpc(table)}
