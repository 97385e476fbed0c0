import asyncio
from pathlib import Path

import msgspec

from tests.scenarios.baskets import BASKET
from tests.support.clock import HandClock
from tests.support.disks import fill, small_disk
from tests.support.till import PLASTIC, Pos, RefusedByTillError, audited, lay_out, open_till


async def test_a_client_that_vanishes_in_a_commit_loses_nothing(tmp_path: Path) -> None:
    lay_out(tmp_path)
    request = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "sale.commit",
        "params": {"sale_id": "s1", "lines": BASKET},
    }
    async with open_till(tmp_path, HandClock()) as app:
        _, writer = await asyncio.open_unix_connection(str(app.socket))
        writer.write(msgspec.json.encode(request) + b"\n")
        await writer.drain()
        writer.transport.abort()
        async with Pos.connect(app.socket) as pos:
            answer = await pos.call("sale.commit", **request["params"])  # type: ignore[arg-type]
        assert answer["state"] == "posted"
    assert audited(tmp_path).findings == ()
    sales = sum(b'"kind":"sale"' in body for body in bodies(tmp_path))
    assert sales == 1


def bodies(home: Path) -> list[bytes]:
    from daemon.ledger.storage.sqlite import SQLiteStore

    store = SQLiteStore(home / "tillcard.db", read_only=True)
    try:
        return [chained.body for chained in store.entries()]
    finally:
        store.close()


async def test_a_full_disk_is_said_so_and_selling_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        await sell_until_it_is_full(disk)


async def sell_until_it_is_full(disk: Path) -> None:
    lay_out(disk)
    async with open_till(disk, HandClock()) as app, Pos.connect(app.socket) as pos:
        ballast = fill(disk)
        posted, refusal = 0, None
        while refusal is None:
            try:
                await pos.call("sale.commit", sale_id=f"s{posted}", lines=BASKET)
                posted += 1
            except RefusedByTillError as error:
                refusal = error
        assert refusal.data["name"] == "storage_full"
        assert refusal.data["retryable"] is True
        assert (await pos.call("sale.status", sale_id=f"s{posted}"))["state"] == "new"
        await price_a_typed_card(pos)
        ballast.unlink()
        await app.look_after()
        assert (await pos.call("card.show", card=PLASTIC))["typed"] == {"anna": 1}
        answer = await pos.call("sale.commit", sale_id=f"s{posted}", lines=BASKET)
        assert answer["replayed"] is False
    assert audited(disk).findings == ()
    assert sum(b'"kind":"sale"' in body for body in bodies(disk)) == posted + 1


async def price_a_typed_card(pos: Pos) -> None:
    """A price writes nothing that cannot wait: who typed the number is counted later."""
    quote = await pos.call("sale.quote", card=PLASTIC, cashier="anna", lines=BASKET)
    assert [earned["amount"] for earned in quote["earn"]] == [3_500]
    assert (await pos.call("card.show", card=PLASTIC))["typed"] == {}
