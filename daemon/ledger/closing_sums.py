"""A closing: what a run of a ledger's entries comes to. Pure, so that an audit makes it again.

A ledger is cut into runs. Each closing sums the entries from the one before it, which is the first
of the next run, up to the newest, and is itself the entry behind them:

    seq   1 … 811   812         813 … 1203   1204        1205 …
          sales     closing 1   sales        closing 2
          ~~~~~~~~~ run 1       run 2 begins with entry 812 and ends with 1203

So every entry is in one run, whatever a clock says, and the closings of a ledger come to the sums
of its facts. A return counts below 0 in the run in which the goods came back.
"""

import copy
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from daemon.base.ids import LedgerId
from daemon.keys.key_files import KEY_BYTES
from daemon.keys.signing_keys import SIGNATURE_BYTES, PublicKey, SigningKey
from daemon.ledger.entries import Entry
from daemon.ledger.posted_facts import Fact, SaleFlag
from daemon.programme.names import ask_fact, reason_fact

CLOSING = "closing"
"""The kind of its entry."""
REASONS_MAX = 200
"""Reasons of each kind that a closing says; of more those that were given most often."""
_TITLE = b"tillcard closing\n"
_SUMMED = ("list_total", "discount", "net", "paid", "burned", "earned")


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums in minor units, as of ``posted_facts.Figures``; of returns they are below 0."""

    list_total: int = 0
    discount: int = 0
    net: int = 0
    paid: int = 0
    burned: int = 0
    earned: int = 0


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why something was done so many times. by: who answers for it, or the cashier who asked.

    rule, minor: of a discount that was asked for, and what it came to.
    """

    by: str
    reason: str
    count: int
    rule: str = ""
    minor: int = 0


class ClosingSums(msgspec.Struct, frozen=True, kw_only=True):
    """What a run comes to.

    in_all:    sales less what came back; returned: what came back, below 0.
    rules:     what each rule gave, less what came back of it, in minor units.
    overrides: of sales; asked: discounts that cashiers asked for. Either says at most REASONS_MAX
               reasons; the counts are of all.
    codes_used: sales that a code gave something. codes_issued: with sales and by campaigns.
    """

    sales: int
    returns: int
    in_all: Totals
    returned: Totals
    rules: dict[str, int]
    overrides_count: int
    overrides: tuple[Reason, ...]
    asked_count: int
    asked: tuple[Reason, ...]
    codes_used: int
    codes_issued: int
    cards_issued: int


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What a closing says. first, last: the run. head: the hash of ``last``, hex.

    day: the local day that it was made on. at: RFC 3339.
    """

    closing: str
    ledger_id: LedgerId
    number: int
    store: str
    terminal: str
    day: str
    at: str
    by: str
    approved_by: str
    first: int
    last: int
    head: str
    sums: ClosingSums


class SignedClosing(Closing, frozen=True, kw_only=True):
    """A closing as its entry has it. key: the public half that proves the signature; both hex."""

    key: str
    signature: str

    @property
    def is_signed(self) -> bool:
        """Whether the signature is that of the key for what the closing says."""
        try:
            key, signature = bytes.fromhex(self.key), bytes.fromhex(self.signature)
        except ValueError:
            return False
        if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
            return False
        return PublicKey(key).verifies(_message(self), signature)


def signed_closing(closing: Closing, key: SigningKey) -> SignedClosing:
    """Sign a closing."""
    said = {name: getattr(closing, name) for name in Closing.__struct_fields__}
    signature = key.sign(_message(closing)).hex()
    return SignedClosing(**said, key=key.public.raw.hex(), signature=signature)


def _message(closing: Closing) -> bytes:
    said = {name: getattr(closing, name) for name in Closing.__struct_fields__}
    return _TITLE + msgspec.json.encode(said, order="sorted")


def closing_name(terminal: str, number: int) -> str:
    """Return what a closing is called."""
    return f"Z-{terminal}-{number:06d}"


def number_of(name: str) -> int:
    """Return the number that a name ends with, or 0."""
    digits = name.rpartition("-")[2]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else 0


# What is read of a sale's entry beside its fact.


class _Override(msgspec.Struct, frozen=True):
    by: str
    reason: str


class _Frozen(msgspec.Struct, frozen=True):
    facts: dict[str, Any]


class _Sale(msgspec.Struct, frozen=True):
    frozen: _Frozen
    override: _Override | None = None
    issued: tuple[msgspec.Raw, ...] = ()


class _Codes(msgspec.Struct, frozen=True):
    codes: tuple[str, ...]


class _Card(msgspec.Struct, frozen=True):
    event: str = ""


_SALE = msgspec.json.Decoder(_Sale)


class Tally:
    """The sums of the entries so far."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._in_all: Counter[str] = Counter()
        self._returned: Counter[str] = Counter()
        self._rules: defaultdict[str, int] = defaultdict(int)
        self._overrides: Counter[tuple[str, str]] = Counter()
        self._asked: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])

    def copied(self) -> "Tally":
        """Return another one that goes on from here."""
        return copy.deepcopy(self)

    def add(self, entry: Entry, fact: Fact | None) -> None:
        """Add an entry, and what it says of a sale or a return."""
        if fact is not None:
            self._add_fact(fact)
        try:
            if entry.kind == "sale" and fact is not None:
                self._add_sale(fact, _SALE.decode(entry.detail))
            elif entry.kind == "codes":
                issued = msgspec.json.decode(entry.detail, type=_Codes)
                self._counts["codes_issued"] += len(issued.codes)
            elif entry.kind == "card":
                event = msgspec.json.decode(entry.detail, type=_Card).event
                self._counts["cards_issued"] += event == "issued"
        except msgspec.DecodeError:
            pass  # of a newer tillcard, or damaged: the audit says so elsewhere

    def _add_fact(self, fact: Fact) -> None:
        is_sale = fact.kind == "sale"
        self._counts["sales" if is_sale else "returns"] += 1
        for name in _SUMMED:
            amount = getattr(fact.figures, name)
            self._in_all[name] += amount
            if not is_sale:
                self._returned[name] += amount
        for rule, minor in fact.rules.items():
            self._rules[rule] += minor
        self._counts["codes_used"] += is_sale and bool(fact.buyer.flags & SaleFlag.CODE)

    def _add_sale(self, fact: Fact, sale: _Sale) -> None:
        self._counts["codes_issued"] += len(sale.issued)
        if sale.override is not None:
            self._overrides[sale.override.by, sale.override.reason] += 1
        if not fact.buyer.flags & SaleFlag.ASKED:
            return
        for rule, minor in fact.rules.items():
            if ask_fact(rule) in sale.frozen.facts:
                reason = str(sale.frozen.facts.get(reason_fact(rule), ""))
                counted = self._asked[fact.cashier, reason, rule]
                counted[0] += 1
                counted[1] += minor

    def sums(self) -> ClosingSums:
        """Return what all of them come to; the same entries always say the same."""
        overrides = (
            Reason(by=by, reason=reason, count=n) for (by, reason), n in self._overrides.items()
        )
        asked = (
            Reason(by=by, reason=reason, rule=rule, count=n, minor=minor)
            for (by, reason, rule), (n, minor) in self._asked.items()
        )
        counted = ("sales", "returns", "codes_used", "codes_issued", "cards_issued")
        return ClosingSums(
            **{name: self._counts[name] for name in counted},
            in_all=Totals(**{name: self._in_all[name] for name in _SUMMED}),
            returned=Totals(**{name: self._returned[name] for name in _SUMMED}),
            rules=dict(sorted(self._rules.items())),
            overrides_count=self._overrides.total(),
            overrides=_most(overrides),
            asked_count=sum(n for n, _ in self._asked.values()),
            asked=_most(asked),
        )


def _most(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    often = sorted(reasons, key=lambda one: (-one.count, one.by, one.reason, one.rule))
    return tuple(often[:REASONS_MAX])


class ClosingAudit:
    """Makes every closing again from the entries, which come ledger by ledger and in order."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    def step(
        self,
        ledger_id: LedgerId,
        seq: int,
        entry: Entry,
        fact: Fact | None,
        before: bytes,
    ) -> Iterator[str]:
        """Add an entry; yield what is wrong with the closing that it is. before: the hash there."""
        run = self._runs.setdefault(ledger_id, _Run())
        if entry.kind == CLOSING:
            name = f"ledger {ledger_id} closing {entry.ref}"
            try:
                said = closing_of(entry)
            except msgspec.DecodeError as error:
                yield f"{name}: cannot be read: {error}"
            else:
                run_says = run.says(ledger_id, seq - 1, before)
                yield from (f"{name}: {one}" for one in _wrong(said, run_says, entry))
            run = self._runs[ledger_id] = _Run(run.number + 1, seq)
        run.tally.add(entry, fact)


class _Run:
    """The entries since the last closing, ``first`` the first of them; ``number`` of the next."""

    def __init__(self, number: int = 1, first: int = 1) -> None:
        self.number, self.first = number, first
        self.tally = Tally()

    def says(self, ledger_id: LedgerId, last: int, head: bytes) -> dict[str, Any]:
        return {
            "ledger_id": ledger_id,
            "number": self.number,
            "first": self.first,
            "last": last,
            "head": head.hex(),
        } | msgspec.structs.asdict(self.tally.sums())


def closing_of(entry: Entry) -> SignedClosing:
    """Return the closing that an entry has. Raises msgspec.DecodeError."""
    return msgspec.json.decode(entry.detail, type=SignedClosing)


def _wrong(said: SignedClosing, expected: Mapping[str, Any], entry: Entry) -> Iterator[str]:
    fields = msgspec.structs.asdict(said) | msgspec.structs.asdict(said.sums)
    for field, value in expected.items():
        if fields[field] != value:
            yield f"{field} is not what the entries come to"
    if said.closing != entry.ref or said.closing != closing_name(said.terminal, said.number):
        yield f"says that it is {said.closing}"
    if not said.is_signed:
        yield f"is not signed by the key {said.key}"
