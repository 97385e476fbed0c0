"""What a statement says, and how it follows from the entries that moved the purses.

Each entry counts on the local day of its time, and each of its postings once:

    sale     above 0   accrued         expiry   expired
    return   below 0   reversed        payout   paid
    anything else      adjusted (by hand, a merge, what the partner itself has bought with it)

October: 60.00 are earned. November: they are paid, their sale comes back, 90.00 are earned.

               opening   accrued   reversed   expired    paid   adjusted   closing
    October       0.00     60.00       0.00      0.00    0.00       0.00     60.00
    November     60.00     90.00      60.00      0.00   60.00       0.00     30.00

What is payable is what is usable on the last day: the closing less lots that are on hold or have
lapsed by then, and nothing where that is below 0.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from card_formats.credential import mask
from daemon.accounts.cards import profile_in
from daemon.base.business_day import BusinessDays
from daemon.base.ids import AccountId, CardId, LedgerId
from daemon.base.money import BASIS_POINTS, half_up
from daemon.ledger.entries import Entry, decode
from daemon.ledger.posted_facts import ReturnedFigures
from daemon.ledger.sale_records import Sale
from daemon.ledger.storage.packing import packed, unpacked
from daemon.ledger.storage.partner_queries import POSTED_TO
from daemon.ledger.storage.partner_rows import PartnerRow, StatementRow
from daemon.ledger.storage.queries import CARD, CUSTOMER, SALE
from daemon.ledger.storage.rows import too_new
from daemon.ledger.storage.store import Store
from daemon.programme.names import OwnedPurse
from daemon.reports.seen import initials

_PARTS = {("sale", True): "accrued", ("return", False): "reversed"}
_PARTS |= {("expiry", False): "expired", ("payout", False): "paid"}
_LESS = frozenset({"reversed", "expired", "paid"})
"""Parts that are said as they go out, above 0."""


class PurseSums(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a purse in a period, in its unit. payee: a code. accounts: whose they are.

    unit: of the purse, as the programme says it; "" where it has the purse no longer.
    """

    payee: str
    purse: str
    unit: str
    accounts: tuple[AccountId, ...]
    opening: int = 0
    accrued: int = 0
    reversed: int = 0
    expired: int = 0
    paid: int = 0
    adjusted: int = 0
    closing: int = 0
    payable: int = 0

    def __post_init__(self) -> None:
        gone = self.reversed + self.expired + self.paid
        if self.opening + self.accrued - gone + self.adjusted != self.closing:
            raise ValueError("the sums do not come to the closing")

    @property
    def key(self) -> str:
        """What is payable and paid goes by."""
        return f"{self.payee} {self.purse}"


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """What one sale or return earned or took.

    payee:    the code of who has earned it. customer: ``O… I… 2900…0018``, or "".
    base:     in minor units: what was paid for the lines that earned; of a return what was paid
              back. rate_bp: of reward to base, half-up. reward: in the purse's unit, signed.
    """

    day: str
    store: str
    customer: str
    payee: str
    purse: str
    base: int
    rate_bp: int
    reward: int
    ledger_id: LedgerId
    seq: int


class StatementContents(msgspec.Struct, frozen=True, kw_only=True):
    """All that a statement says beside its row. made_at: RFC 3339; day: the local day of it."""

    company: str
    code: str
    made_at: str
    day: str
    by: str
    sums: tuple[PurseSums, ...]
    lines: tuple[StatementLine, ...]


def contents_of(row: StatementRow) -> StatementContents:
    """Return what a statement says. Raises RefusedError TOO_NEW."""
    try:
        return msgspec.json.decode(unpacked(row.contents), type=StatementContents)
    except msgspec.DecodeError as error:
        raise too_new(error) from error


def contents_kept(contents: StatementContents) -> bytes:
    """Return contents as a row keeps them."""
    return packed(msgspec.json.encode(contents))


class _Tally:
    """One purse of one payee, entry by entry."""

    def __init__(self) -> None:
        self.parts: dict[str, int] = defaultdict(int)
        self.lots: dict[tuple[int, int], int] = defaultdict(int)
        self.accounts: dict[AccountId, None] = {}

    def sums(self, payee: str, purse: str, last: int) -> PurseSums:
        parts = {name: -n if name in _LESS else n for name, n in self.parts.items()}
        closing = sum(self.parts.values())
        unusable = sum(
            n
            for (expires, usable_from), n in self.lots.items()
            if not usable_from <= last <= expires
        )
        return PurseSums(
            payee=payee,
            purse=purse,
            unit="",
            accounts=tuple(self.accounts),
            closing=closing,
            payable=max(0, closing - unusable),
            **parts,
        )


class Reckoning:
    """Adds up what has moved the purses of a partner and of those who work there."""

    def __init__(self, store: Store, days: BusinessDays, first: int, last: int) -> None:
        self._store = store
        self._days = days
        self._first, self._last = first, last
        self._tallies: dict[tuple[str, str], _Tally] = {}
        self._lines: list[StatementLine] = []

    def made(
        self, organisation: PartnerRow, staff: Sequence[PartnerRow]
    ) -> tuple[tuple[PurseSums, ...], tuple[StatementLine, ...]]:
        """Return the sums of purses that anything ever moved, and the lines in order."""
        for who in (organisation, *staff):
            payee = who.code if organisation.pay == "each" else organisation.code
            for ledger_id, seq, body in self._store.ask(POSTED_TO, who.account):
                self._count(who, payee, (LedgerId(ledger_id), seq), decode(body))
        sums = (tally.sums(*key, self._last) for key, tally in sorted(self._tallies.items()))
        lines = sorted(self._lines, key=lambda one: (one.day, one.ledger_id, one.seq, one.payee))
        return tuple(sums), tuple(lines)

    def _count(
        self, who: PartnerRow, payee: str, place: tuple[LedgerId, int], entry: Entry
    ) -> None:
        day = self._days.day_of(datetime.fromisoformat(entry.at))
        if day.toordinal() > self._last:
            return
        rewards: dict[str, int] = defaultdict(int)
        for posting in (one for one in entry.postings if one.account == who.account):
            tally = self._tallies.setdefault((payee, posting.purse), _Tally())
            tally.accounts[who.account] = None
            part = _PARTS.get((entry.kind, posting.amount > 0), "adjusted")
            before = day.toordinal() < self._first
            tally.parts["opening" if before else part] += posting.amount
            if part in ("accrued", "reversed") and not before:
                rewards[posting.purse] += posting.amount
        for lot in (one for one in entry.lots if one.account == who.account):
            tally = self._tallies.setdefault((payee, lot.purse), _Tally())
            tally.accounts[who.account] = None
            tally.lots[lot.expires, lot.usable_from] += lot.amount
        if rewards:
            self._lines += _lines(self._store, who, place, entry, str(day), rewards)


class _Returned(msgspec.Struct, frozen=True):
    store: str
    came_back: ReturnedFigures


def _lines(
    store: Store,
    who: PartnerRow,
    place: tuple[LedgerId, int],
    entry: Entry,
    day: str,
    rewards: dict[str, int],
) -> Iterable[StatementLine]:
    row = store.ask_one(SALE, entry.ref)
    assert row is not None
    assert row.record is not None, "it was posted"
    sale = row.record.sale
    back = None
    if entry.kind == "return":
        back = msgspec.json.decode(entry.detail, type=_Returned)
    for purse, reward in sorted(rewards.items()):
        base = -back.came_back.figures.paid if back else _base(sale, who, purse)
        rate = half_up(abs(reward) * BASIS_POINTS, abs(base)) if base else 0
        yield StatementLine(
            day=day,
            store=back.store if back else sale.store,
            customer=customer_told(store, sale.account, sale.card_id),
            payee=who.code,
            purse=purse,
            base=base,
            rate_bp=rate,
            reward=reward,
            ledger_id=place[0],
            seq=place[1],
        )


def _base(sale: Sale, who: PartnerRow, purse: str) -> int:
    key = OwnedPurse(purse, who.account).key
    return sum(line.paid for line in sale.quote.lines if key in line.earned)


def customer_told(store: Store, account: AccountId, card_id: CardId) -> str:
    """Return initials and the masked card: enough to ask about, too little to know who."""
    kept = store.ask_one(CUSTOMER, account)
    name = profile_in(kept.profile).name if kept else ""
    card = store.ask_one(CARD, card_id)
    number = mask(card.number) if card and card.number else ""
    return " ".join(filter(None, (initials(name), number)))
