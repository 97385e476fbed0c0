"""Sales made by hand, and a ledger to commit them to: no programme and no till around them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec

from daemon.base.ids import AccountId, PosSaleId, SaleId
from daemon.ledger import sales
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.sale_records import Frozen, Sale
from daemon.ledger.storage.store import Change, Reads, Store, View
from daemon.programme.basket import Basket, BasketLine
from daemon.programme.quote import Earned, Quote, QuotedLine, Use

AT = "2026-11-23T08:00:00.000000Z"
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
TODAY = NOW.date().toordinal()
PATIENCE_S = 60


class Answer(msgspec.Struct, frozen=True):
    """What the POS would get."""

    sale_id: str
    balances: dict[str, int]
    replayed: bool = False


def made_sale(
    sale_id: str,
    account: str = "a1",
    *,
    earn: int = 0,
    burn: int = 0,
    uses: tuple[Use, ...] = (),
    lines: int = 1,
) -> Sale:
    """Return a sale of coffee, priced."""
    numbers = range(1, lines + 1)
    basket = Basket(
        lines=tuple(
            BasketLine(line=n, sku=f"48200{n:08d}", qty=1, unit_price=1_000, category=("food",))
            for n in numbers
        )
    )
    priced = QuotedLine(
        line=0, qty_milli=1_000, list_total=1_000, discount=0, net=1_000, paid=1_000
    )
    total = 1_000 * lines
    quote = Quote(
        programme="shop",
        version="v1",
        now=AT,
        lines=tuple(msgspec.structs.replace(priced, line=n) for n in numbers),
        list_total=total,
        discount=0,
        net=total,
        total=total,
        burn={"bonus": burn} if burn else {},
        earn=(Earned(rule="collect", purse="bonus", amount=earn),) if earn else (),
        meters={"spend": total},
        uses=uses,
    )
    return Sale(
        sale_id=SaleId(sale_id),
        account=AccountId(account),
        store="1",
        terminal="till-1",
        cashier="",
        at=AT,
        today=TODAY,
        frozen=Frozen(programme="v1", now=NOW, basket=basket, facts={}),
        quote=quote,
    )


async def commit(ledger: Ledger, sale: Sale) -> Answer:
    """Commit a sale, its id as a POS gives it, as the checkout does. Raises RefusedError."""
    given = PosSaleId(sale.sale_id)
    sale = msgspec.structs.replace(sale, sale_id=ledger.sale_id(given))

    def decide(store: Store, view: View) -> tuple[Change, Answer]:
        decision = sales.commit(view, sale)
        available = {purse: balance.available for purse, balance in decision.balances.items()}
        return decision.change, Answer(given, available)

    reads = Reads(
        sale_id=sale.sale_id,
        accounts=sale.accounts,
        counters=tuple(use.counter for use in sale.quote.uses),
    )
    key = RequestKey("sale.commit", given, bytes(32))
    raw = await ledger.once(key, sale.at, decide, reads)
    return msgspec.json.decode(raw, type=Answer)


@asynccontextmanager
async def open_ledger(writing: Store, reading: Store) -> AsyncIterator[Ledger]:
    """Give a ledger on two open connections, and close all three at the end."""
    ledger = Ledger(writing, reading)
    try:
        yield ledger
    finally:
        await ledger.close()
