"""A number that the cashier asks for, up to what the cashier's role allows.

    percent = { max = 5, roles = { senior = 10 } }

The till sends the facts ``ask.<rule>`` and ``ask.<rule>.reason``. A cashier who asks 8 gets 5, a
senior gets 8. Without a reason, of four letters or more, nobody gets anything.
"""

from typing import Annotated, Any, ClassVar

import msgspec

from daemon.base.text_limits import is_reason
from daemon.programme.errors import ProgrammeError
from daemon.programme.names import ask_fact, reason_fact
from daemon.programme.numbers.number import Number, NumberPlace, NumberTable, parse_value
from daemon.programme.situation import Situation

AskedMost = Annotated[Any, msgspec.Meta(description="a constant in the number's unit")]
RoleMosts = Annotated[Any, msgspec.Meta(description="a constant for each role")]


class Ask(NumberTable, frozen=True, kw_only=True):
    """At most ``max``; ``roles`` gives other roles their own most."""

    mark: ClassVar[str] = "max"

    max: AskedMost
    roles: RoleMosts = msgspec.field(default_factory=dict)

    def compiled(self, place: NumberPlace) -> Number:
        """Return the number; None without something asked and a reason."""
        most = place.value(self.max, "max")
        if not isinstance(self.roles, dict):
            raise ProgrammeError(f"{place.path}.roles", "write such as {senior = 10, owner = 30}")
        roles = {str(role): place.value(raw, f"roles.{role}") for role, raw in self.roles.items()}
        asked, reason = ask_fact(place.rule), reason_fact(place.rule)
        unit, currency = place.unit, place.vocabulary.currency

        def at(situation: Situation) -> int | None:
            if lacks(situation) is not None:
                return None
            value = parse_value(situation.values[asked], asked, unit, currency)
            return min(value, roles.get(str(situation.values.get("role", "")), most))

        def lacks(situation: Situation) -> tuple[str, str] | None:
            if asked not in situation.values:
                return asked, f"needs {asked}"
            try:
                parse_value(situation.values[asked], asked, unit, currency)
            except ProgrammeError as error:
                return asked, error.message
            said = situation.values.get(reason)
            return None if said and is_reason(str(said)) else (reason, f"needs {reason}")

        return Number(at, unit, max([most, *roles.values()]), asked, lacks=lacks)
