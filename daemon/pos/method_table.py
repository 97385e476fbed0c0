"""Every method that the socket serves, in one table."""

from typing import Protocol

from daemon.pos.discover import openrpc
from daemon.pos.dispatch import Method
from daemon.pos.session_methods import SESSION_METHODS


class MethodGroup(Protocol):
    """Handlers that belong together, such as ``sale_methods.SaleMethods``."""

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        ...


def method_table(*groups: MethodGroup) -> dict[str, Method]:
    """Return the methods by name, with ``rpc.discover``, which describes them all."""
    table = dict(SESSION_METHODS)
    for group in groups:
        table |= group.methods()
    return table | {"rpc.discover": openrpc(table)}
