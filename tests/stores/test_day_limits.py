"""``[limits]``: what is allowed on a day, in the commit, at one till and at two, on every store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.base.config import ConfigError, parse
from daemon.ledger.audit import audit
from daemon.ledger.entries import decode
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Store
from tests.scenarios.shops import HEAD, goods, override, refusal
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.postgres import PostgresServer
from tests.support.till import LEDGER, PLASTIC, Pos, RefusedByTillError, lay_out, open_till

RULES = """
[[rule]]
id = "club"
when = { card = { kind = "plastic" } }
give = { percent = 10 }
[[rule]]
id = "boss"
give = { amount = { max = 10000 } }
"""
REACHED = (1023, "limit_reached")
PIN = {"manager": "4711", "senior": "4712"}
Row = dict[str, Any]


def settings_of(limits: Row, location: str = LEDGER, terminal: str = "till-1") -> dict[str, str]:
    text = "".join(f"{name} = {value}\n" for name, value in limits.items())
    return {
        "[simulated]": f"[limits]\n{text}\n[simulated]",
        f'ledger = "{LEDGER}"': f'ledger = "{location}"',
        '"till-1"': f'"{terminal}"',
    }


class Till:
    """A till with limits."""

    def __init__(self, pos: Pos, clock: HandClock, name: str = "s") -> None:
        self.pos, self.clock, self._name, self._count = pos, clock, name, 0

    def sale_id(self) -> str:
        self._count += 1
        return f"{self._name}{self._count}"

    async def sell(self, *price: int, **more: Any) -> str:
        sale_id = self.sale_id()
        terms: Row = {"cashier": "anna", "lines": goods(*price or (1_000,))} | more
        await self.pos.call("sale.commit", sale_id=sale_id, **terms)
        return sale_id

    async def stopped(self, *price: int, **more: Any) -> Row:
        """Be refused by a limit; return what the refusal says."""
        terms: Row = {"cashier": "anna", "lines": goods(*price or (1_000,))} | more
        error = await refused(self.pos, "sale.commit", sale_id=self.sale_id(), **terms)
        assert (error.code, error.data["name"]) == REACHED
        return {"limit": error.data["limit"], "left": error.data["left"]}

    async def hire(self) -> None:
        for role, pin in PIN.items():
            named = {"name": role, "by": "olha"}
            await self.pos.call("operator.add", request_id=f"add {role}", role=role, **named)
            await self.pos.call("operator.pin", request_id=f"pin {role}", pin=pin, **named)


def approved(by: str) -> Row:
    return {"approval": {"by": by, "pin": PIN[by]}}


def asks(amount: int, reason: str = "a scratch") -> Row:
    return {"facts": {"ask.boss": amount, "ask.boss.reason": reason}}


OpenTill = Callable[..., AbstractAsyncContextManager[Till]]


@pytest.fixture
def limited(location: str, tmp_path: Path) -> OpenTill:
    """Open a till with limits; its ledger is audited when it is closed."""

    @asynccontextmanager
    async def opened(**limits: int) -> AsyncIterator[Till]:
        lay_out(tmp_path, HEAD + RULES, **settings_of(limits, location))
        clock = HandClock()
        async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
            yield Till(pos, clock)
        with closing(open_store(location, tmp_path, read_only=True)) as store:
            assert audit(store).findings == ()

    return opened


async def test_the_sale_after_the_last_that_a_card_has_a_day_is_refused(limited: OpenTill) -> None:
    async with limited(card_day_sales=2) as till:
        for _ in range(2):
            await till.sell(card=PLASTIC)
        assert await till.stopped(card=PLASTIC) == {"limit": "card_day_sales", "left": 0}
        await till.sell()  # to nobody
        till.clock.move(days=1)
        await till.sell(card=PLASTIC)


async def test_a_card_is_given_what_the_limit_says_and_not_a_unit_more(limited: OpenTill) -> None:
    async with limited(card_day_discount=250) as till:
        await till.sell(1_500, card=PLASTIC)  # 1.50 off
        assert await till.stopped(1_010, card=PLASTIC) == {
            "limit": "card_day_discount",
            "left": 100,
        }
        await till.sell(1_000, card=PLASTIC)
        assert (await till.stopped(5, card=PLASTIC))["left"] == 0
        await till.sell(4, card=PLASTIC)  # nothing is off


async def test_what_a_cashier_asks_for_has_an_end_and_rules_give_on(limited: OpenTill) -> None:
    async with limited(cashier_day_asked=500) as till:
        await till.sell(**asks(400))
        assert await till.stopped(**asks(101)) == {"limit": "cashier_day_asked", "left": 100}
        assert (await till.stopped(cashier="ANNA", **asks(101)))["left"] == 100
        await till.sell(card=PLASTIC)
        await till.sell(cashier="ivan", **asks(500))
        await till.sell(**asks(100))


async def test_who_gives_no_name_has_a_limit_of_their_own(limited: OpenTill) -> None:
    async with limited(cashier_day_overrides=1) as till:
        await till.sell(cashier="", **override())
        await till.stopped(cashier="", **override())


async def test_a_cashier_overrides_so_often_a_day(limited: OpenTill) -> None:
    async with limited(cashier_day_overrides=2) as till:
        for _ in range(2):
            await till.sell(**override())
        assert await till.stopped(**override()) == {"limit": "cashier_day_overrides", "left": 0}
        await till.sell()
        await till.sell(cashier="ivan", **override())


async def test_a_till_gives_so_much_a_day_whoever_sells_to_whom(limited: OpenTill) -> None:
    async with limited(till_day_discount=250) as till:
        await till.sell(1_500, card=PLASTIC)
        await till.sell(cashier="ivan", **asks(100))
        assert await till.stopped(1_000, **asks(1)) == {"limit": "till_day_discount", "left": 0}


async def test_a_managers_approval_lets_one_sale_through_and_is_named(limited: OpenTill) -> None:
    async with limited(card_day_sales=1) as till:
        await till.hire()
        await till.sell(card=PLASTIC)
        await till.stopped(card=PLASTIC)
        await till.stopped(card=PLASTIC, **approved("senior"))
        sale_id = await till.sell(card=PLASTIC, **approved("manager"))
        await till.stopped(card=PLASTIC)  # it let one through
        shown = await till.pos.call("customer.show", card=PLASTIC)
        [one] = [e for e in shown["entries"] if e["kind"] == "sale" and e["ref"] == sale_id]
        assert one["said"]["approved_by"] == "manager"


async def test_a_refused_sale_is_sent_again_with_an_approval_under_its_id(
    limited: OpenTill,
) -> None:
    async with limited(card_day_sales=1) as till:
        await till.hire()
        await till.sell(card=PLASTIC)
        terms = {"sale_id": "again", "card": PLASTIC, "lines": goods(1_000)}
        assert await refusal(till.pos, "sale.commit", **terms) == REACHED
        posted = await till.pos.call("sale.commit", **terms, **approved("manager"))
        assert posted["state"] == "posted"
        replayed = await till.pos.call("sale.commit", **terms, **approved("manager"))
        assert replayed["replayed"]


async def test_a_return_gives_nothing_back(limited: OpenTill) -> None:
    async with limited(card_day_sales=1, till_day_discount=150) as till:
        sale_id = await till.sell(card=PLASTIC)
        await till.pos.call("sale.return", return_id="r", sale_id=sale_id, whole=True)
        assert (await till.stopped(card=PLASTIC))["limit"] == "card_day_sales"
        assert (await till.stopped(**asks(51)))["limit"] == "till_day_discount"


async def test_a_hold_is_counted_when_it_is_committed_and_not_before(limited: OpenTill) -> None:
    async with limited(card_day_sales=1) as till:
        for sale_id in ("h1", "h2", "h3"):
            await till.pos.call("sale.hold", sale_id=sale_id, card=PLASTIC, lines=goods(1_000))
        await till.pos.call("sale.void", sale_id="h1")
        await till.pos.call("sale.commit", sale_id="h2")
        assert await refusal(till.pos, "sale.commit", sale_id="h3") == REACHED
        assert (await till.pos.call("sale.status", sale_id="h3"))["state"] == "held"


async def test_a_merged_customer_counts_anew(limited: OpenTill) -> None:
    async with limited(card_day_sales=1) as till:
        other = "2900000000025"
        why = {"by": "olha", "reason": "one person, two cards"}
        keep = (await till.pos.call("card.issue", request_id="i", number=other))["account"]
        drop = (await till.pos.call("card.show", card=PLASTIC))["account"]
        await till.sell(card=PLASTIC)
        await till.pos.call("customer.merge", request_id="m", keep=keep, drop=drop, **why)
        await till.sell(card=PLASTIC)
        await till.stopped(card=other)


async def test_without_limits_nothing_is_counted(
    limited: OpenTill, location: str, tmp_path: Path
) -> None:
    async with limited() as till:
        await till.sell(card=PLASTIC, **asks(100), **override())
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert [name for name in counters(store) if name.startswith("@limit")] == []


def counters(store: Store) -> dict[str, int]:
    """Return what every counter of the entries comes to."""
    sums: dict[str, int] = {}
    for chained in store.entries():
        for move in decode(chained.body).counters:
            sums[move.counter] = sums.get(move.counter, 0) + move.amount
    return sums


@pytest.mark.parametrize("reason", ["", "ok", "123 4567", "a b c"])
async def test_what_no_rule_gives_has_a_reason_of_four_letters(
    limited: OpenTill, reason: str
) -> None:
    async with limited() as till:
        quote = await till.pos.call("sale.quote", lines=goods(1_000), **asks(100, reason))
        assert quote["discount"] == 0
        assert "ask.boss.reason" in [one["condition"] for one in quote["why_not"]]
        terms = {"sale_id": "o", "lines": goods(1_000)}
        word = {"override": {"by": "senior", "reason": reason}}
        error = await refused(till.pos, "sale.commit", **terms, **word)
        assert error.code == -32602
        quote = await till.pos.call("sale.quote", lines=goods(1_000), **asks(100, "ціна"))
        assert quote["discount"] == 100


@pytest.mark.cluster
async def test_two_tills_at_once_do_not_pass_a_limit(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    location = postgres.new_database(postgres_template)
    limits = {"card_day_sales": 5, "cashier_day_asked": 350}
    clock = HandClock()
    async with AsyncExitStack() as stack:
        tills = []
        for name in ("one", "two"):
            home = tmp_path / name
            lay_out(home, HEAD + RULES, **settings_of(limits, location, f"till-{name}"))
            app = await stack.enter_async_context(open_till(home, clock))
            pos = await stack.enter_async_context(Pos.connect(app.socket))
            tills.append(Till(pos, clock, name))
        assert sum(await asyncio.gather(*(often(till, card=PLASTIC) for till in tills))) == 5
        assert sum(await asyncio.gather(*(often(till, **asks(100)) for till in tills))) == 3
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert audit(store).findings == ()


async def often(till: Till, **more: Any) -> int:
    """Sell eight times, as far as a limit lets it; return how often it did."""
    return sum([await tried(till, **more) for _ in range(8)])


async def tried(till: Till, *price: int, **more: Any) -> bool:
    try:
        await till.sell(*price, **more)
    except RefusedByTillError as error:
        if (error.code, error.data["name"]) != REACHED:
            raise
        return False
    return True


SALES = st.lists(
    st.tuples(
        st.integers(1, 3_000), st.booleans(), st.sampled_from(("anna", "Anna", "ivan", "")),
        st.integers(0, 300), st.booleans(),
    ),
    max_size=12,
)  # fmt: skip
DRAWN = st.fixed_dictionaries(
    {
        "card_day_sales": st.integers(0, 4),
        "card_day_discount": st.integers(0, 600),
        "cashier_day_asked": st.integers(0, 400),
        "cashier_day_overrides": st.integers(0, 2),
        "till_day_discount": st.integers(0, 900),
    }
)


class Model:
    """The limits once more, plainly: who has had what today."""

    def __init__(self, limits: Row) -> None:
        self._limits, self._had = limits, dict[tuple[str, str], int]()

    def lets(self, takes: dict[tuple[str, str], int]) -> bool:
        """Count what a sale takes, if every limit lets it."""
        for key, take in takes.items():
            most = self._limits[key[0]]
            if most and take and self._had.get(key, 0) + take > most:
                return False
        for key, take in takes.items():
            self._had[key] = self._had.get(key, 0) + take
        return True


@given(SALES, DRAWN)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_sales_pass_and_are_stopped_as_a_plain_count_says(
    drawn: list[tuple[int, bool, str, int, bool]], limits: Row
) -> None:
    async def play(home: Path) -> None:
        lay_out(home, HEAD + RULES, **settings_of(limits))
        model = Model(limits)
        async with open_till(home, HandClock()) as app, Pos.connect(app.socket) as pos:
            till = Till(pos, HandClock())
            for price, with_card, cashier, asked, overridden in drawn:
                more = asks(asked) if asked else {}
                more |= {"card": PLASTIC} if with_card else {}
                more |= override() if overridden else {}
                quote = await pos.call("sale.quote", lines=goods(price), cashier=cashier, **more)
                got = sum(
                    off["minor"]
                    for line in quote["lines"]
                    for off in line["applied"]
                    if off["rule"] == "boss"
                )
                takes = {
                    ("cashier_day_asked", cashier.lower()): got,
                    ("cashier_day_overrides", cashier.lower()): int(overridden),
                    ("till_day_discount", ""): quote["discount"],
                }
                if with_card:
                    takes |= {
                        ("card_day_sales", ""): 1,
                        ("card_day_discount", ""): quote["discount"],
                    }
                assert await tried(till, price, cashier=cashier, **more) == model.lets(takes)

    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))


@pytest.mark.parametrize("value", [-1, 10**12 + 1])
def test_a_limit_is_no_less_than_nothing(value: int) -> None:
    with pytest.raises(ConfigError, match=r"limits.card_day_sales|limits: card_day_sales"):
        parse(f'programme = "p.toml"\n[limits]\ncard_day_sales = {value}\n')
