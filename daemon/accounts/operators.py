"""Who works here, and whether they may do what they are about to do.

Every writing method asks once, with what the till says of who acts:

    signed = await operators.check(Action.BLOCK, params.by, params.approval, key)

Where the shop lets its tills say any name (`[policy] known_operators = false`) that passes: the
socket's role has decided. Otherwise the name must be that of an active operator who acts in this
till's store, and of a role that may. A senior's PIN lets a cashier block a card all the same:

    by      approval          anna is a cashier, olha a senior
    anna    -                 1040 permission: ask a senior
    anna    olha, her PIN     Signed("anna", approved_by="olha"), and both stand in the entry
    olha    -                 Signed("olha")

An approval is always proved, also where none was needed: what an entry says of it is true.

Names and roles are held in memory, so that a sale asks the ledger nothing more; what another till
on the same database has changed is seen within seconds (`follow`). Hashes are never held.
"""

import asyncio
import logging
import unicodedata
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from weakref import WeakValueDictionary

import msgspec

from daemon.accounts.secret_hashes import SecretHashes
from daemon.base.approval import Approval, Signed
from daemon.base.clock import Clock
from daemon.base.ids import NO_ACCOUNT, AccountId
from daemon.base.permissions import Action, OperatorRole, may, needs
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.base.text_limits import Override
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.queries import OPERATOR, OPERATORS_AFTER
from daemon.ledger.storage.rows import OperatorRow, too_new
from daemon.ledger.storage.store import Store

ACTIVE, CLOSED = "active", "closed"
WRONG_PINS_MAX = 5
WRONG_PINS_WITHIN_S = 15 * 60
"""So many wrong PINs of one name within so long, and for as long after the last none is tried."""
STRANGERS_MAX = 10_000
"""Names of nobody whose wrong PINs are remembered; one more and the one quiet longest is not."""
log = logging.getLogger(__name__)


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """One who works here now. stores: those they act in; empty is all of them."""

    name: str
    role: OperatorRole
    stores: tuple[str, ...] = ()
    language: str = ""
    account: AccountId = NO_ACCOUNT

    def acts_in(self, store: str) -> bool:
        """Whether they act in a store."""
        return not self.stores or store in self.stores


class Operators:
    """The operators of one shop, at the till of one store.

    known_only: whether ``cashier`` and ``by`` must name an operator.
    """

    def __init__(
        self, ledger: Ledger, clock: Clock, store: str, *, known_only: bool = False
    ) -> None:
        self._ledger = ledger
        self._store = store
        self.known_only = known_only
        self.hashes = SecretHashes()
        self._active: Mapping[str, Operator] = {}
        self._foreign: set[str] = set()
        self._wrong_pins = _WrongPins(clock)
        self._one_at_a_time: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def follow(self) -> None:
        """Read who works here, as every till on this database has written it."""
        rows = await self._ledger.read(lambda store: list(every_operator(store)))
        active: dict[str, Operator] = {}
        for row in (row for row in rows if row.state == ACTIVE):
            try:
                active[row.key] = _understood(row)
            except ValueError as error:  # of a newer tillcard: nobody here, the others work on
                if row.key not in self._foreign:  # said once, not with each sweep
                    log.error("operator %s is not understood: %s", row.name, error)
                self._foreign.add(row.key)
        self._active = active

    def known(self, name: str) -> Operator | None:
        """Return the active operator of this name, however it is written."""
        return self._active.get(name_key(name))

    def reading(self, name: str) -> Operator | None:
        """Return the operator who reads something; None where it is asked without a name.

        Raises: RefusedError PERMISSION where there is none of this name, or one must be named.
        """
        if not name and not self.known_only:
            return None
        operator = self.known(name)
        if operator is None:
            problem = f"There is no operator {name!r} here; say who reads this, as `reader`."
            raise RefusedError(ErrorCode.PERMISSION, problem)
        return operator

    def role_of(self, name: str) -> OperatorRole:
        """Return what somebody is, for rules that ask: who is no operator is a cashier."""
        operator = self.known(name)
        return operator.role if operator else OperatorRole.CASHIER

    @property
    def has_owner(self) -> bool:
        """Whether anybody can still say who works here."""
        return any(one.role is OperatorRole.OWNER for one in self._active.values())

    async def check(
        self,
        action: Action,
        by: str,
        approval: Approval | None = None,
        key: RequestKey | None = None,
        *,
        also: Iterable[Action] = (),
        override: Override | None = None,
        held: bool = False,
    ) -> Signed:
        """Return who does ``action`` and who has approved it.

        key:      of the request, where it may have been answered before: then it is answered again,
                  whoever has gone or changed their PIN since. None where that is certain already.
        also:     what the same request does besides, and the same approval is for.
        override: by which somebody answers for it; whoever does must be one who may.
        held:     whether an operator's role counts also where any name will do.
        Raises:   RefusedError PERMISSION; RATE_LIMITED for a name with too many wrong PINs.
        """
        is_held = self.known_only or (held and self.known(by) is not None)
        if not is_held and approval is None:
            return Signed(by)
        if key is not None and (await self._ledger.stored_answer(key))[0] is not None:
            return Signed(by)
        actions = [action, *also, *([Action.OVERRIDE] if override else [])]
        # Whose name is not held to its role has nothing of their own: the approval is for all.
        beyond = self._beyond(by, actions, override) if is_held else actions
        if approval is not None:
            approver = await self.approver(beyond or actions, approval)
            return Signed(by, approver.name)
        _check_may(self.named(by), beyond)
        return Signed(by)

    def _beyond(self, by: str, actions: list[Action], override: Override | None) -> list[Action]:
        """Return what the operator may not do alone. Raises RefusedError for who is none."""
        if override is not None:
            _check_may(self.named(override.by), [Action.OVERRIDE])
        operator = self.named(by)
        return [one for one in actions if not may(operator.role, one)]

    def named(self, by: str) -> Operator:
        """Return the operator whom a till names. Raises RefusedError PERMISSION."""
        operator = self.known(by)
        if operator is None:
            raise RefusedError(
                ErrorCode.PERMISSION,
                f"There is no operator {by!r} here; sign in with a name that the shop knows."
                if by
                else "Say who does this, by the name of an operator.",
            )
        self._check_store(operator)
        return operator

    async def approver(self, actions: Iterable[Action], approval: Approval) -> Operator:
        """Return who has approved ``actions``, proved by their PIN. Raises as `check`."""
        key = name_key(approval.by)
        # One after the other: a hundred that are sent together must not all be tried.
        async with self._one_at_a_time.setdefault(key, asyncio.Lock()):
            self._wrong_pins.check(key, approval.by)
            row = await self._ledger.read(lambda store: store.ask_one(OPERATOR, key))
            kept = row.pin if row and row.state == ACTIVE else ""
            if not await self.hashes.fits(kept, approval.pin):
                self._wrong_pins.note(key, is_known=row is not None)
                raise RefusedError(
                    ErrorCode.PERMISSION,
                    "That name and that PIN do not go together; nothing was done."
                    f" After {WRONG_PINS_MAX} wrong ones a name waits for"
                    f" {WRONG_PINS_WITHIN_S // 60} minutes.",
                )
        assert row is not None, "a PIN fits it"
        operator = operator_of(row)
        self._check_store(operator)
        _check_may(operator, actions)
        return operator

    def _check_store(self, operator: Operator) -> None:
        if not operator.acts_in(self._store):
            raise RefusedError(
                ErrorCode.PERMISSION, f"{operator.name} works in other stores, not in this one."
            )


def name_key(name: str) -> str:
    """Return a name as it is found by: without case, and in one spelling of its letters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def operator_of(row: OperatorRow) -> Operator:
    """Return the operator of a row. Raises RefusedError TOO_NEW for what a newer till wrote."""
    try:
        return _understood(row)
    except ValueError as error:  # what msgspec raises is one, too
        raise too_new(error) from error


def is_active(row: OperatorRow) -> bool:
    """Whether somebody works here. Raises RefusedError TOO_NEW for a state of later days."""
    if row.state not in (ACTIVE, CLOSED):
        raise too_new(ValueError(f"an operator who is {row.state!r}"))
    return row.state == ACTIVE


def _understood(row: OperatorRow) -> Operator:
    return Operator(
        name=row.name,
        role=OperatorRole(row.role),
        stores=msgspec.json.decode(row.stores, type=tuple[str, ...]),
        language=row.language,
        account=row.account,
    )


def every_operator(store: Store) -> Iterator[OperatorRow]:
    """Yield the operators, closed ones too, by name without case."""
    page = store.ask(OPERATORS_AFTER, "")
    while page:
        yield from page
        page = store.ask(OPERATORS_AFTER, page[-1].key)


def _check_may(operator: Operator, actions: Iterable[Action]) -> None:
    for action in actions:
        if not may(operator.role, action):
            raise RefusedError(
                ErrorCode.PERMISSION,
                f"{operator.name} has the role {operator.role}; this needs at least"
                f" {needs(action)}. Ask somebody who has it to approve this with name and PIN.",
                extra={"needs": needs(action).value},
            )


class _WrongPins:
    """Wrong PINs by name. Names of operators are never forgotten before their time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times_s: dict[str, deque[float]] = {}
        self._strangers: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, key: str, name: str) -> None:
        """Raise RefusedError RATE_LIMITED while a name has to wait."""
        times_s = self._times_s.get(key) or self._strangers.get(key)
        if times_s is None or len(times_s) < WRONG_PINS_MAX:
            return
        left_s = times_s[-1] + WRONG_PINS_WITHIN_S - self._clock.monotonic_s()
        if left_s > 0 and times_s[-1] - times_s[0] <= WRONG_PINS_WITHIN_S:
            raise RefusedError(
                ErrorCode.RATE_LIMITED,
                f"Too many wrong PINs of {name}: wait a quarter of an hour, or ask somebody else.",
                extra={"wait_s": int(left_s) + 1},
            )

    def note(self, key: str, *, is_known: bool) -> None:
        """Count a wrong PIN."""
        names = self._times_s if is_known else self._strangers
        names.setdefault(key, deque(maxlen=WRONG_PINS_MAX)).append(self._clock.monotonic_s())
        if not is_known:
            self._strangers.move_to_end(key)
            if len(self._strangers) > STRANGERS_MAX:
                self._strangers.popitem(last=False)
