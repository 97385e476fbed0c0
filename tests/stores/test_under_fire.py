"""Many clients at once, on every store: limits hold to the last one, and nothing is half done."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from daemon.base.ids import AccountId, CardId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.audit import audit
from daemon.ledger.ledger import Ledger
from daemon.ledger.sale_records import Sale
from daemon.ledger.storage.queries import CARD
from daemon.ledger.storage.rows import CardRow, identified
from daemon.ledger.storage.store import Change
from daemon.programme.quote import Use
from tests.stores.conftest import OpenHere
from tests.stores.hand_made import PATIENCE_S, Answer, commit, made_sale, open_ledger

CLIENTS = 16
POSTED = "posted"
CODE = Use(counter="morning:code:COFFEE", take=1, limit=100, rule="morning")


async def ring_up(ledgers: list[Ledger], sales: Iterable[Sale]) -> Counter[str]:
    """Commit the sales from CLIENTS clients, spread over the ledgers; count what became of them."""
    outcomes: Counter[str] = Counter()
    waiting = iter(sales)

    async def client(ledger: Ledger) -> None:
        for sale in waiting:
            try:
                await commit(ledger, sale)
                outcomes[POSTED] += 1
            except RefusedError as refusal:
                outcomes[refusal.code.name] += 1

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as clients:
        for n in range(CLIENTS):
            clients.create_task(client(ledgers[n % len(ledgers)]))
    return outcomes


async def test_800_commits_of_a_code_with_100_uses_give_exactly_100(open_here: OpenHere) -> None:
    async with open_ledger(open_here(), open_here(read_only=True)) as ledger:
        sales = (made_sale(f"s{n}", f"a{n % 7}", uses=(CODE,)) for n in range(800))
        outcomes = await ring_up([ledger], sales)
        assert outcomes == {POSTED: 100, ErrorCode.CODE_USED_UP.name: 700}
        assert await ledger.read(lambda store: store.counters([CODE.counter])) == {
            CODE.counter: 100
        }
        assert (await ledger.read(audit)).findings == ()


async def test_a_purse_never_goes_below_its_floor_under_parallel_burns(
    open_here: OpenHere,
) -> None:
    async with open_ledger(open_here(), open_here(read_only=True)) as ledger:
        await commit(ledger, made_sale("earn", earn=1_000))
        outcomes = await ring_up([ledger], (made_sale(f"b{n}", burn=30) for n in range(200)))
        assert outcomes == {POSTED: 33, ErrorCode.NOT_ENOUGH.name: 167}
        purses = await ledger.read(lambda store: store.purses(AccountId("a1")))
        assert purses["bonus"].available(0) == 10
        assert (await ledger.read(audit)).findings == ()


async def test_one_sale_sent_by_every_client_is_posted_once(open_here: OpenHere) -> None:
    async with open_ledger(open_here(), open_here(read_only=True)) as ledger:
        sale = made_sale("s1", earn=50)
        answers = await asyncio.gather(*(commit(ledger, sale) for _ in range(CLIENTS)))
        assert Counter(answer.replayed for answer in answers) == {False: 1, True: CLIENTS - 1}
        result = await ledger.read(audit)
        assert (result.entries, result.findings) == (1, ())


async def test_a_job_that_cannot_be_written_takes_no_other_of_its_group_along(
    open_here: OpenHere,
) -> None:
    async with open_ledger(open_here(), open_here(read_only=True)) as ledger:
        cards = [
            CardRow(CardId(f"c{n}"), AccountId("a1"), "active", "plastic", "", "", bytes([n] * 32))
            for n in range(20)
        ]
        # Two cards claim one identifier, and nobody asks beforehand.
        changes = [
            Change(rows=identified(card, [("number", str(min(n, 18)))]))
            for n, card in enumerate(cards)
        ]
        async with asyncio.timeout(PATIENCE_S):
            results = await asyncio.gather(
                *(ledger.write(change) for change in changes), return_exceptions=True
            )
        assert results[:19] == [True] * 19
        assert isinstance(results[19], RefusedError)
        found = await ledger.read(
            lambda store: [store.ask_one(CARD, card.card_id) for card in cards]
        )
        assert found == [*cards[:19], None]


async def test_a_figure_that_no_database_holds_harms_nobody_else(open_here: OpenHere) -> None:
    too_much = made_sale("too much", "a0", earn=2**63)
    async with open_ledger(open_here(), open_here(read_only=True)) as ledger:
        wanted = [made_sale(f"s{n}", f"a{n}", earn=5) for n in range(1, 20)]
        async with asyncio.timeout(PATIENCE_S):
            results = await asyncio.gather(
                *(commit(ledger, sale) for sale in (*wanted[:9], too_much, *wanted[9:])),
                return_exceptions=True,
            )
        refused = results.pop(9)
        assert isinstance(refused, RefusedError)
        assert refused.code is ErrorCode.BUSY
        assert all(isinstance(result, Answer) for result in results)
        assert (await commit(ledger, made_sale("after it", "a1", earn=5))).balances == {"bonus": 10}


async def test_the_audit_of_a_ledger_at_work_finds_nothing(open_here: OpenHere) -> None:
    async with open_ledger(open_here(), open_here(read_only=True)) as ledger:
        reading = open_here(read_only=True)
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            sales = (made_sale(f"s{n}", f"a{n % 7}", earn=5) for n in range(300))
            ringing = tasks.create_task(ring_up([ledger], sales))
            seen = []
            while not ringing.done():
                result = await asyncio.to_thread(audit, reading)
                assert result.findings == ()
                seen.append(result.entries)
        assert seen == sorted(seen)
