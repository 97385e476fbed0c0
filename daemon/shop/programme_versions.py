"""The programme in force, the one that comes next, and the older ones that priced a sale."""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import msgspec

from daemon.base.approval import Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.config import ConfigError
from daemon.base.ids import AccountId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.base.text_limits import says_something
from daemon.ledger.entries import Entry, MeterMove
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.sale_records import SaleRecord
from daemon.ledger.storage.queries import (
    ACCOUNTS_SOLD_TO,
    ACTIVATIONS_AFTER,
    LAST_ACTIVATION,
    METER_DAYS,
    NEWEST_ACTIVATION,
    NEWEST_OF_SOURCE,
    PROGRAMME,
    SALES_OF,
)
from daemon.ledger.storage.rows import ActivationRow, ProgrammeRow, too_new
from daemon.ledger.storage.store import LIFE, Change, Store, View
from daemon.programme.errors import ProgrammeError
from daemon.programme.file import read
from daemon.programme.meters import recount
from daemon.programme.programme import Programme, load
from daemon.programme.shares_back import shares_back
from daemon.programme.state import MeterTable

log = logging.getLogger(__name__)


class Activated(msgspec.Struct, frozen=True, kw_only=True):
    """A programme that is in force, or will be from ``at`` (RFC 3339) on."""

    programme: str
    version: str
    at: str
    replayed: bool = False


class ProgrammeVersions:
    """Programmes by version. A sale is taken back under the rules that priced it.

    The one in force follows from the ledger: the newest activation whose time has come. A file
    that was changed while the till was off is an activation too, made by the start.
    """

    def __init__(self, ledger: Ledger, clock: Clock, of_file: Programme, terminal: str) -> None:
        self._ledger = ledger
        self._clock = clock
        self._source = f"file {terminal}"
        self.active = of_file
        self.coming: tuple[Programme, ...] = ()
        self._by_version = {of_file.version: of_file}
        self._prepared: set[str] = set()
        self._foreign: set[str] = set()

    @property
    def counting(self) -> tuple[Programme, ...]:
        """The programmes whose meters a sale adds to when it is posted.

        One that is to come counts already: its meters have been filled with the past.
        """
        return (self.active, *self.coming)

    async def start(self) -> None:
        """Bring the programme in force that the file or the ledger says. Raises ConfigError."""
        of_file, now = self.active, rfc3339(self._clock.now())
        newest, last_file = await self._ledger.read(
            lambda store: (
                store.ask(NEWEST_ACTIVATION, now),
                store.ask(NEWEST_OF_SOURCE, self._source),
            )
        )
        in_force = await self._known(newest[0]) if newest else None
        self.active = in_force or of_file
        if of_file.currency != self.active.currency:
            raise ConfigError(
                "programme.currency",
                f"the ledger is in {self.active.currency.code}, the programme in"
                f" {of_file.currency.code};"
                " another currency needs a ledger of its own",
            )
        changed = not last_file or last_file[0].version != of_file.version
        if changed and (in_force or not newest):  # it takes nothing back that it does not know
            await self._prepare(of_file, fresh=not newest)
            by_file = Signed(self._source)
            await self._ledger.update(
                lambda store: store.write(_activation(store, of_file, now, now, by_file))
            )
            self.active = of_file
        await self._await_next()

    async def follow(self) -> None:
        """Bring a programme in force whose time has come, whichever till activated it."""
        now = rfc3339(self._clock.now())
        newest = await self._ledger.read(lambda store: store.ask(NEWEST_ACTIVATION, now))
        differs = newest and newest[0].version != self.active.version
        if differs and (programme := await self._known(newest[0])):
            await self._prepare(programme)  # for what this till sold before it noticed
            self.active = programme
        await self._await_next()

    async def activate(
        self,
        key: RequestKey,
        programme: Programme,
        at: datetime | None,
        signed: Signed,
        reason: str = "",
        *,
        is_tried: bool = True,
    ) -> msgspec.Raw:
        """Bring a programme in force now or at a time, once; its new meters know the past then.

        is_tried: whether it was previewed lately; else ``reason`` must say why not.
        Raises: RefusedError NEEDS_OVERRIDE where it does not.
        """
        replayed, _ = await self._ledger.stored_answer(key)
        if replayed is not None:
            return replayed
        if not (is_tried or says_something(reason)):
            raise RefusedError(
                ErrorCode.NEEDS_OVERRIDE,
                "Preview this programme first, or give a reason why it comes in force without.",
            )
        now = self._clock.now()
        moment = rfc3339(max(now, at) if at else now)
        answer = Activated(programme=programme.id, version=programme.version, at=moment)
        self._by_version[programme.version] = programme
        await self._prepare(programme)

        def job(store: Store, view: View) -> tuple[Change, Activated]:
            change = _activation(store, programme, rfc3339(now), moment, signed, reason)
            return change, answer

        answered = await self._ledger.once(key, rfc3339(now), job)
        if moment == rfc3339(now):
            self.active = programme
        await self._await_next()
        return answered

    async def version(self, version: str) -> Programme:
        """Return the programme that priced something under ``version``.

        Raises: RefusedError TOO_NEW when another till's is missing or says what is not known here.
        """
        if version not in self._by_version:
            text = await self._ledger.read(lambda store: store.ask_one(PROGRAMME, version))
            try:
                self._by_version[version] = load(text or "")
            except ProgrammeError as error:
                raise too_new(error) from error
        return self._by_version[version]

    async def _known(self, row: ActivationRow) -> Programme | None:
        """Return what a row activates, or None where this till must stay on what it has."""
        if row.version in self._foreign:
            return None
        try:
            return await self.version(row.version)
        except RefusedError as refusal:
            if refusal.code is not ErrorCode.TOO_NEW:
                raise
            self._foreign.add(row.version)  # an update begins with a start, so it is said once
            log.error("programme %s is not understood; this till stays on its own", row.version)
            return None

    async def _await_next(self) -> None:
        now = rfc3339(self._clock.now())
        later = await self._ledger.read(lambda store: store.ask(ACTIVATIONS_AFTER, now))
        coming = [await self._known(row) for row in later]
        self.coming = tuple(programme for programme in coming if programme)
        # What does not count any more must be filled again should it come back.
        self._prepared &= {programme.version for programme in self.counting}

    async def _prepare(self, programme: Programme, *, fresh: bool = False) -> None:
        """Fill meters that are new, or count something else now, from the sales of the past."""
        if programme.version in self._prepared:
            return
        before = {} if fresh else _definitions(self.active)
        now = _definitions(programme)
        names = tuple(name for name, table in now.items() if before.get(name) != table)
        self.coming = (*self.coming, programme)  # from here on every sale counts for it
        at, after = rfc3339(self._clock.now()), ""
        while names and (page := await self._ledger.read(_sold_to(after))):
            for account in page:
                await self._ledger.update(_recount(programme, names, account, at))
            after = page[-1]
        self._prepared.add(programme.version)


def _activation(
    store: Store, programme: Programme, at: str, moment: str, signed: Signed, reason: str = ""
) -> Change:
    detail = {"programme": programme.id, "by": signed.by, "from": moment} | signed.approved
    detail |= {"reason": reason} if reason else {}
    entry = Entry(
        at=at,
        kind="programme",
        ref=programme.version,
        detail=msgspec.Raw(msgspec.json.encode(detail)),
    )
    [last] = store.ask(LAST_ACTIVATION)
    row = ActivationRow(moment, programme.version, signed.by, last + 1, reason)
    return Change(entry=entry, rows=(row, ProgrammeRow(programme.version, programme.text)))


def _definitions(programme: Programme) -> dict[str, MeterTable]:
    """Return what each meter counts; its window only says when it is asked."""
    tables, _ = read(programme.text)
    return {table.id: msgspec.structs.replace(table, window="life") for table in tables.meter}


def _sold_to(after: str) -> Callable[[Store], list[AccountId]]:
    return lambda store: store.ask(ACCOUNTS_SOLD_TO, after)


def _recount(
    programme: Programme, names: tuple[str, ...], account: AccountId, at: str
) -> Callable[[Store], None]:
    def job(store: Store) -> None:
        due: Counter[tuple[str, int]] = Counter()
        for row in store.ask(SALES_OF, account):
            record = row.record
            assert record is not None, "it is posted"
            for meter, amount in counted_of(programme, record).items():
                due[meter, record.sale.today] += amount
        for meter in names:
            for day, amount in store.ask(METER_DAYS, account, meter):
                due[meter, day] -= amount if day != LIFE else 0
        moves = tuple(
            MeterMove(account, meter, day, amount)
            for (meter, day), amount in sorted(due.items())
            if amount and meter in names
        )
        if moves:
            version = programme.version
            entry = Entry(at=at, kind="recount", ref=version, account=account, meters=moves)
            store.write(Change(entry=entry))

    return job


def counted_of(programme: Programme, record: SaleRecord) -> dict[str, int]:
    """Return what a sale counts for the meters of ``programme``, less what came back of it."""
    quote = recount(programme, record.sale.frozen.basket, record.sale.quote)
    back = {line.line: line.qty_milli for line in record.returned}
    gone = shares_back(quote, {}, back).meters if back else {}
    return {meter: n - gone.get(meter, 0) for meter, n in quote.meters.items()}
