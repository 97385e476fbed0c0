"""Customers who have brought others and turn out to be one, on every store: never a circle."""

import random
from contextlib import closing, suppress
from pathlib import Path

import pytest

from daemon.ledger.storage.queries import CUSTOMER
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import goods
from tests.stores.test_friends import (
    FULL,
    IVAN,
    OLHA,
    PETRO,
    VIRA,
    WHO,
    Answer,
    OpenPos,
    befriended,
    code,
    issue,
    known,
    printed,
    sell,
    shop,
)
from tests.support.pos import refused
from tests.support.till import Pos, RefusedByTillError

__all__ = ["shop"]


async def merge(pos: Pos, keep: str, drop: str) -> None:
    terms = {"request_id": f"m{keep}", "keep": keep, "drop": drop}
    await pos.call("customer.merge", **terms, **WHO)


async def test_a_merge_takes_friends_and_codes_along_and_gives_them_back(shop: OpenPos) -> None:
    async with shop() as pos:
        accounts = [await issue(pos, card) for card in (OLHA, PETRO, IVAN, VIRA)]
        olha, petro, ivan, vira = accounts
        theirs = await code(pos, petro)
        await befriended(pos, "s1", PETRO, olha)
        await befriended(pos, "s2", IVAN, petro)
        await merge(pos, vira, petro)
        assert (await known(pos, ivan))["referrer"] == vira
        kept = await known(pos, vira)
        assert (kept["referrer"], [one["account"] for one in kept["friends"]]) == (olha, [ivan])
        assert [one["account"] for one in (await known(pos, olha))["friends"]] == [vira]
        assert theirs in {one["code"] for one in kept["invites"]}
        assert len(kept["invites"]) == 2
        unmerge = {"request_id": "u1", "drop": petro} | WHO
        await pos.call("customer.unmerge", **unmerge)
        assert (await known(pos, ivan))["referrer"] == petro
        assert (await known(pos, vira))["referrer"] == ""
        assert [one["account"] for one in (await known(pos, olha))["friends"]] == [petro]
        assert await code(pos, petro) == theirs


@pytest.mark.parametrize("first_is_kept", [True, False])
async def test_a_merge_makes_no_circle_and_its_undoing_neither(
    shop: OpenPos, *, first_is_kept: bool
) -> None:
    """A has brought B, B has brought C; A and C are one person: nobody has brought that one."""
    async with shop() as pos:
        a, b, c = [await issue(pos, card) for card in (OLHA, PETRO, IVAN)]
        await befriended(pos, "s1", PETRO, a)
        await befriended(pos, "s2", IVAN, b)
        keep, drop = (a, c) if first_is_kept else (c, a)
        await merge(pos, keep, drop)
        assert (await known(pos, keep))["referrer"] == ""
        assert (await known(pos, b))["referrer"] == keep
        assert [one["account"] for one in (await known(pos, keep))["friends"]] == [b]
        assert (await known(pos, b))["friends"] == []
        await pos.call("customer.unmerge", request_id="u1", drop=drop, **WHO)
        chain = [(await known(pos, one))["referrer"] for one in (a, b, c)]
        assert chain == ["", a, b]


async def test_who_was_brought_by_the_other_account_was_brought_by_nobody(shop: OpenPos) -> None:
    async with shop() as pos:
        a, b = [await issue(pos, card) for card in (OLHA, PETRO)]
        await befriended(pos, "s1", PETRO, a)
        await merge(pos, b, a)
        merged = await known(pos, b)
        assert (merged["referrer"], merged["friends"]) == ("", [])
        await pos.call("customer.unmerge", request_id="u1", drop=a, **WHO)
        assert (await known(pos, b))["referrer"] == a
        assert [one["account"] for one in (await known(pos, a))["friends"]] == [b]


async def test_a_code_of_who_was_merged_since_its_quote_does_not_count(shop: OpenPos) -> None:
    async with shop() as pos:
        a, b, c = [await issue(pos, card) for card in (OLHA, PETRO, IVAN)]
        theirs = await code(pos, a)
        shown = {"card": IVAN, "lines": goods(FULL), "codes": [theirs]}
        quote = await pos.call("sale.quote", **shown)
        await merge(pos, b, a)
        late = {"sale_id": "s1", "quote_id": quote["quote_id"], "card": IVAN}
        assert (await refused(pos, "sale.commit", **late)).data["name"] == "total_changed"
        assert (await sell(pos, "s2", IVAN, theirs))["invited"]["referrer"] == b
        assert (await known(pos, c))["referrer"] == b


class Village:
    """Ten customers who bring each other and turn out to be one or two, by chance."""

    def __init__(self, pos: Pos, seed: int) -> None:
        self.pos, self._draw = pos, random.Random(seed)
        self.accounts: list[str] = []
        self.merged: list[str] = []
        self._count = 0

    async def settle(self) -> None:
        for n in range(10):
            brought = self.accounts and self._draw.random() < 0.4
            who = {"referrer": self._draw.choice(self.accounts)} if brought else {}
            self.accounts.append(await issue(self.pos, printed(n), **who))

    async def live(self) -> str:
        """Bring, merge or part; what is refused is refused. Return what was done."""
        self._count += 1
        live = [a for a in self.accounts if a not in self.merged]
        one, other = self._draw.sample(live, 2)
        ways = "sell sell merge" if len(live) > 3 else "sell"
        ways += " part part" if self.merged else ""
        request: Answer = {"request_id": f"r{self._count}"} | WHO
        with suppress(RefusedByTillError):
            match self._draw.choice(ways.split()):
                case "sell":
                    codes = [invite["code"] for invite in (await known(self.pos, one))["invites"]]
                    card = printed(self.accounts.index(other))
                    await sell(self.pos, f"s{self._count}", card, self._draw.choice(codes))
                    return f"{one} shows {other} a code"
                case "merge":
                    await self.pos.call("customer.merge", keep=one, drop=other, **request)
                    self.merged.append(other)
                    return f"{other} is {one}"
                case _:
                    drop = self._draw.choice(self.merged)
                    await self.pos.call("customer.unmerge", drop=drop, **request)
                    self.merged.remove(drop)
                    return f"{drop} is alone again"
        return "refused"

    async def check(self, done: str) -> None:
        """Check that nobody has brought themselves, and that both dossiers say the same."""
        live = [a for a in self.accounts if a not in self.merged]
        dossiers = {a: await known(self.pos, a) for a in live}
        brought_by = {a: dossier["referrer"] for a, dossier in dossiers.items()}
        friends = {
            (a, friend["account"]) for a, one in dossiers.items() for friend in one["friends"]
        }
        assert friends == {(who, a) for a, who in brought_by.items() if who}, done
        for account in live:
            seen: list[str] = []
            while account := brought_by[account]:
                assert account not in seen, done
                seen.append(account)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_is_brought_merged_and_parted_no_circle_arises(
    shop: OpenPos, seed: int
) -> None:
    async with shop() as pos:
        village = Village(pos, seed)
        await village.settle()
        for _ in range(60):
            await village.check(await village.live())


async def test_a_friend_who_was_erased_is_brought_along_and_is_nobody_still(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    async with shop() as pos:
        a, b, c = [await issue(pos, card) for card in (OLHA, PETRO, IVAN)]
        await befriended(pos, "s1", PETRO, a)
        await pos.call("customer.erase", request_id="e", account=b, **WHO)
        await merge(pos, c, a)
        brought = [[one["account"] for one in (await known(pos, c))["friends"]]]
        await pos.call("customer.unmerge", request_id="u1", drop=a, **WHO)
        brought += [
            [one["account"] for one in (await known(pos, one))["friends"]] for one in (a, c)
        ]
        assert brought == [[b], [b], []]
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert store.ask(CUSTOMER, b) == []
