"""Customers who bring others by a code, on every store: once, never in a circle, said on both."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    closing,
    suppress,
)
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession, CookieJar

from card_formats.check_digits import Check, append_check
from daemon.accounts.cards import Profile
from daemon.ledger.audit import audit
from daemon.ledger.entries import decode
from daemon.ledger.storage.friend_queries import FRIENDS_OF
from daemon.ledger.storage.registry import open_store
from tests.faults.dying_till import process
from tests.scenarios.shops import HEAD, goods, override
from tests.stores.test_schema import DATABASES, Kept, kept
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.pos import refused
from tests.support.postgres import PostgresServer
from tests.support.till import (
    PATIENCE_S,
    Pos,
    audited,
    lay_out,
    open_till,
)
from tests.web.conftest import HIDDEN

__all__ = ["kept"]
RULES = (
    HEAD
    + """
[[card]]
kind = "plastic"
invite = "friend"
[[purse]]
id = "bonus"
unit = "UAH"
[[meter]]
id = "visits"
of = "visits"
window = "life"
[[lane]]
id = "card"
[[rule]]
id = "welcome"
lane = "card"
when = { codes = ["friend"] }
give = { percent = 10 }
[[rule]]
id = "thanks"
when = { meter = { visits = { below = 1 } } }
give = { earn = "bonus", percent = 5, to = "referrer" }
"""
)
OLHA, PETRO, IVAN, VIRA = (f"29000000000{n}" for n in (25, 32, 49, 56))
FULL, LESS, REWARD = 10_000, 9_000, 450
WHO = {"by": "olha", "reason": "one person, two cards"}
Answer = dict[str, Any]
OpenPos = Callable[..., AbstractAsyncContextManager[Pos]]


@pytest.fixture
def shop(location: str, tmp_path: Path) -> OpenPos:
    """Open a till; the ledger is audited when it is closed."""

    @asynccontextmanager
    async def opened(programme: str = RULES) -> AsyncIterator[Pos]:
        lay_out(tmp_path, programme, **{'"tillcard.db"': f'"{location}"'})
        async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
            yield pos
        with closing(open_store(location, tmp_path, read_only=True)) as store:
            assert audit(store).findings == ()

    return opened


async def issue(pos: Pos, number: str, **profile: Any) -> str:
    """Give somebody a card; return the account."""
    terms = {"request_id": f"i{number}", "number": number, "profile": profile, "by": "anna"}
    account: str = (await pos.call("card.issue", **terms))["account"]
    return account


async def known(pos: Pos, account: str) -> Answer:
    dossier: Answer = await pos.call("customer.show", account=account)
    return dossier


async def code(pos: Pos, account: str) -> str:
    [one] = (await known(pos, account))["invites"]
    assert one["campaign"] == "friend"
    found: str = one["code"]
    return found


async def sell(pos: Pos, sale_id: str, card: str, *codes: str, **more: Any) -> Answer:
    terms = {"sale_id": sale_id, "card": card, "lines": goods(FULL), "codes": codes} | more
    posted: Answer = await pos.call("sale.commit", **{k: v for k, v in terms.items() if v})
    return posted


async def bonus(pos: Pos, account: str) -> int:
    purses = (await known(pos, account))["balances"]
    return int(purses["bonus"]["available"]) if "bonus" in purses else 0


async def befriended(pos: Pos, sale_id: str, card: str, friend: str) -> Answer:
    """Sell with the code of ``friend``, an account; return what it came to."""
    invited: Answer = (await sell(pos, sale_id, card, await code(pos, friend)))["invited"]
    return invited


async def test_the_first_sale_that_shows_a_code_says_who_has_brought_the_customer(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    async with shop() as pos:
        olha, petro = await issue(pos, OLHA), await issue(pos, PETRO)
        mine = await code(pos, olha)
        quote = await pos.call("sale.quote", card=PETRO, lines=goods(FULL), codes=[mine])
        told = {"code": mine, "referrer": olha, "why": "", "text": ""}
        assert (quote["total"], quote["invited"]) == (LESS, told)
        assert (await known(pos, petro))["referrer"] == "", "a quote is no sale"
        posted = await sell(pos, "s1", PETRO, mine)
        assert (posted["total"], posted["invited"]) == (LESS, told)
        assert (await sell(pos, "s1", PETRO, mine)) == posted | {"replayed": True}
        assert (await known(pos, petro))["referrer"] == olha
        brought = await known(pos, olha)
        assert [one["account"] for one in brought["friends"]] == [petro]
        assert brought["friends_count"] == 1
        assert await bonus(pos, olha) == REWARD
        assert (await sell(pos, "s2", PETRO))["total"] == FULL
        assert await bonus(pos, olha) == REWARD, "it was for the first purchase"
        ivan = await issue(pos, IVAN)
        assert (await befriended(pos, "s3", IVAN, olha))["referrer"] == olha, "it has no end"
        assert {one["account"] for one in (await known(pos, olha))["friends"]} == {petro, ivan}
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        entries = [decode(chained.body) for chained in store.entries()]
    said = [msgspec.json.decode(one.detail) for one in entries if one.kind == "customer"]
    brought_by = [(one["referrer"], one["by"]) for one in said if one["event"] == "brought"]
    assert brought_by == [(olha, ""), (olha, "")]


async def test_a_code_that_does_not_fit_is_said_and_the_sale_goes_on(shop: OpenPos) -> None:
    async with shop() as pos:
        contact = {"phone": "+380671234567", "email": "o@shop.ua", "consents": ["personal_data"]}
        olha = await issue(pos, OLHA, name="Olha", **contact)
        mine = await code(pos, olha)
        petro = await issue(pos, PETRO, email="O@SHOP.ua", consents=["personal_data"])
        ivan = await issue(pos, IVAN)

        async def misfit(sale_id: str, card: str, shown: str) -> str:
            posted = await sell(pos, sale_id, card, shown)
            assert posted["total"] == FULL
            assert shown in posted["invited"]["text"]
            assert posted["invited"]["referrer"] == ""
            why: str = posted["invited"]["why"]
            return why

        assert await misfit("s1", OLHA, mine) == "own"
        assert await misfit("s2", PETRO, mine) == "contact"
        assert await misfit("s3", PETRO, await code(pos, ivan)) == "bought"
        assert await misfit("s4", "", mine) == "no_card"
        assert (await befriended(pos, "s5", IVAN, petro))["referrer"] == petro
        vira = await issue(pos, VIRA)
        assert (await befriended(pos, "s6", VIRA, ivan))["referrer"] == ivan
        assert await misfit("s7", IVAN, await code(pos, vira)) == "brought"
        assert (await known(pos, ivan))["referrer"] == petro
        olena = await issue(pos, printed(1))
        two = await sell(pos, "s8", printed(1), mine, await code(pos, petro))
        assert (two["total"], two["invited"]["why"]) == (FULL, "two")
        assert two["invited"]["text"] == (
            "Only one friend's code counts; the sale goes on without them."
        )
        assert (await known(pos, olena))["referrer"] == ""
        again = await sell(pos, "s9", OLHA, mine, mine.lower())
        assert again["invited"]["why"] == "own", "one code, shown twice, is one"


@pytest.mark.parametrize("length", [2, 3, 4])
async def test_no_circle_arises(shop: OpenPos, length: int) -> None:
    """A has brought B, B has brought C: none of them brings A, whose first purchase comes last."""
    async with shop() as pos:
        cards = (OLHA, PETRO, IVAN, VIRA)[:length]
        accounts = [await issue(pos, card) for card in cards]
        for n in range(1, length):
            assert (await befriended(pos, f"s{n}", cards[n], accounts[n - 1]))["why"] == ""
        last = await befriended(pos, "last", cards[0], accounts[-1])
        assert (last["why"], last["referrer"]) == ("circle", "")
        assert (await known(pos, accounts[0]))["referrer"] == ""


async def test_what_does_not_fit_is_said_in_the_till_s_language(
    shop: OpenPos, tmp_path: Path
) -> None:
    async with shop() as pos:
        mine = await code(pos, await issue(pos, OLHA))
        await pos.call("hello", client="pos", version="1", language="uk")
        posted = await sell(pos, "s1", OLHA, mine)
        said = f"Код {mine} належить цьому самому покупцеві; продаж триває без нього."
        assert posted["invited"]["text"] == said
        quote = await pos.call("sale.quote", card=OLHA, lines=goods(FULL), codes=[mine])
        assert quote["invited"]["text"] == said


async def test_a_first_sale_that_comes_back_takes_the_reward_and_leaves_the_friend(
    shop: OpenPos,
) -> None:
    async with shop() as pos:
        olha, petro = await issue(pos, OLHA), await issue(pos, PETRO)
        await befriended(pos, "s1", PETRO, olha)
        back = {"return_id": "r1", "sale_id": "s1", "whole": True, "cashier": "anna"}
        assert (await pos.call("sale.return", **back))["refund"] == LESS
        assert await bonus(pos, olha) == 0
        assert (await known(pos, petro))["referrer"] == olha
        ivan = await issue(pos, IVAN)
        assert (await befriended(pos, "s2", PETRO, ivan))["why"] == "brought"
        await pos.call("sale.return", **back | {"return_id": "r2", "sale_id": "s2"})
        again = await sell(pos, "s3", PETRO, await code(pos, olha))
        assert (again["total"], again["invited"]["referrer"]) == (LESS, olha), "nothing is bought"
        assert (await befriended(pos, "s4", PETRO, olha))["why"] == "bought"


async def test_a_hold_brings_nobody_until_it_is_posted(shop: OpenPos) -> None:
    async with shop() as pos:
        olha, petro = await issue(pos, OLHA), await issue(pos, PETRO)
        shown = {"card": PETRO, "lines": goods(FULL), "codes": [await code(pos, olha)]}
        await pos.call("sale.hold", sale_id="h1", **shown)
        assert (await known(pos, petro))["referrer"] == ""
        await pos.call("sale.void", sale_id="h1", reason="changed their mind")
        assert (await known(pos, petro))["referrer"] == ""
        await pos.call("sale.hold", sale_id="h2", **shown)
        posted = await pos.call("sale.commit", sale_id="h2", card=PETRO)
        assert (posted["total"], posted["invited"]["referrer"]) == (LESS, olha)
        assert (await known(pos, petro))["referrer"] == olha


async def test_a_quote_is_priced_again_where_the_customer_has_bought_meanwhile(
    shop: OpenPos,
) -> None:
    async with shop() as pos:
        olha, petro = await issue(pos, OLHA), await issue(pos, PETRO)
        shown = {"card": PETRO, "lines": goods(FULL), "codes": [await code(pos, olha)]}
        quote = await pos.call("sale.quote", **shown)
        await sell(pos, "between", PETRO)
        late = {"sale_id": "s1", "quote_id": quote["quote_id"], "card": PETRO}
        assert (await refused(pos, "sale.commit", **late)).data["name"] == "total_changed"
        assert (await known(pos, petro))["referrer"] == ""
        assert await bonus(pos, olha) == 0


async def test_an_older_customer_gets_a_code_and_keeps_it(shop: OpenPos) -> None:
    async with shop(RULES.replace('invite = "friend"', "")) as pos:
        olha = await issue(pos, OLHA)
        assert (await known(pos, olha))["invites"] == []
        none = await refused(pos, "customer.invite", request_id="v0", card=OLHA, by="anna")
        assert none.message.endswith("none of this customer's cards is of a kind that invites")
    async with shop() as pos:
        terms = {"request_id": "v1", "card": OLHA, "by": "anna"}
        first = await pos.call("customer.invite", **terms)
        assert (first["account"], first["campaign"], first["replayed"]) == (olha, "friend", False)
        again = await pos.call("customer.invite", **terms | {"request_id": "v2"})
        assert again["code"] == first["code"] == await code(pos, olha)
        family = {"request_id": "i2", "with_card": OLHA, **override()}
        await pos.call("card.issue", **family)
        assert len((await known(pos, olha))["invites"]) == 1, "one account, one code"
        word = await refused(pos, "sale.quote", card=OLHA, lines=goods(FULL), codes=["friend"])
        assert word.data["name"] == "code_unknown", "the campaign's name is no code"


async def test_who_was_named_when_the_card_was_issued_is_on_both_dossiers(shop: OpenPos) -> None:
    async with shop() as pos:
        olha = await issue(pos, OLHA)
        petro = await issue(pos, PETRO, referrer=OLHA)
        assert [one["account"] for one in (await known(pos, olha))["friends"]] == [petro]
        assert (await befriended(pos, "s1", PETRO, olha))["referrer"] == olha


async def test_friends_and_codes_are_shown_by_the_shell(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    async def shell(*words: str) -> str:
        line = ("customers", *words, "--socket", str(tmp_path / "pos.sock"))
        async with asyncio.timeout(PATIENCE_S):
            result = await asyncio.to_thread(tillcard, *line)
        assert result.exit_code == 0, result.output
        return result.stdout

    async with shop() as pos:
        olha, petro = await issue(pos, OLHA), await issue(pos, PETRO)
        said = msgspec.json.decode(await shell("invite", OLHA, "--json"))
        assert (await shell("invite", OLHA)).split() == [olha, said["code"], "friend"]
        await sell(pos, "s1", PETRO, said["code"])
        assert f"has brought {petro}" in await shell("friends", OLHA)
        assert f"brought by {olha}" in await shell("show", PETRO)
        told = msgspec.json.decode(await shell("friends", PETRO, "--json"))
        assert (told["referrer"], told["friends"], told["friends_count"]) == (olha, [], 0)


@pytest.mark.parametrize("command", ["invite", "friends"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    said = " ".join(tillcard("customers", command, "--help").output.split())
    assert f"Example: tillcard customers {command}" in said


# Cut, and at two tills.


@pytest.mark.parametrize("burns_at", range(2, 40, 3))
async def test_a_till_that_dies_in_a_first_sale_has_sold_and_befriended_or_neither(
    tmp_path: Path, burns_at: int
) -> None:
    lay_out(tmp_path, RULES)
    async with process(tmp_path), Pos.connect(tmp_path / "pos.sock") as pos:
        olha, petro = await issue(pos, OLHA), await issue(pos, PETRO)
        mine = await code(pos, olha)
    async with process(tmp_path, burns_at) as killed:
        with suppress(ConnectionError):
            async with Pos.connect(tmp_path / "pos.sock") as pos:
                await sell(pos, "s1", PETRO, mine)
    assert killed.process.exitcode in (0, -signal.SIGKILL)
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        state = (await pos.call("sale.status", sale_id="s1"))["state"]
        assert (await known(pos, petro))["referrer"] == (olha if state == "posted" else "")
        assert (await sell(pos, "s1", PETRO, mine))["invited"]["referrer"] == olha
        assert (await known(pos, olha))["friends_count"] == 1
        assert await bonus(pos, olha) == REWARD
    assert audited(tmp_path).findings == ()


def printed(n: int) -> str:
    """Return the n-th number of more cards."""
    return append_check(Check.EAN, f"29000001{n:04d}")


async def test_two_tills_show_one_code_for_one_newcomer_at_one_moment(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address = postgres.new_database(postgres_template)
    async with AsyncExitStack() as tills:
        tellers: list[Pos] = []
        for n in range(2):
            home = tmp_path / f"till-{n}"
            lay_out(home, RULES, **{'"tillcard.db"': f'"{address}"', "till-1": f"till-{n}"})
            till = await tills.enter_async_context(open_till(home, HandClock()))
            tellers.append(await tills.enter_async_context(Pos.connect(till.socket)))
        olha = await issue(tellers[0], OLHA)
        mine = await code(tellers[0], olha)
        for n in range(12):
            account = await issue(tellers[n % 2], number := printed(n))
            sold = await asyncio.gather(*(sell(pos, f"s{n}", number, mine) for pos in tellers))
            assert sorted(one["total"] for one in sold) == [LESS, FULL]
            assert sorted(one["invited"]["why"] for one in sold) == ["", "bought"]
            assert (await known(tellers[0], account))["referrer"] == olha
        assert (await known(tellers[1], olha))["friends_count"] == 12
        assert await bonus(tellers[1], olha) == 12 * REWARD
        # Each shows the code of the other, and both have bought nothing yet.
        for n in range(6):
            cards = printed(100 + n), printed(200 + n)
            two = [await issue(tellers[0], card) for card in cards]
            codes = [await code(tellers[0], account) for account in two]
            await asyncio.gather(
                sell(tellers[0], f"x{n}", cards[0], codes[1]),
                sell(tellers[1], f"y{n}", cards[1], codes[0]),
            )
            brought = [(await known(tellers[0], account))["referrer"] for account in two]
            assert sorted(map(bool, brought)) == [False, True]
    with closing(open_store(address, tmp_path / "till-0", read_only=True)) as store:
        assert audit(store).findings == ()


# Who was brought before there were codes, and while a card was nobody's.


def test_whom_profiles_name_is_found_from_the_other_side_after_a_migration(
    kept: Kept, tmp_path: Path
) -> None:
    kept.run((DATABASES / "v0024.sql").read_text("utf-8"))
    profile = msgspec.json.encode(Profile(name="Petro", referrer="a1")).hex().upper()
    nobody = msgspec.json.encode(Profile(name='"referrer":"a1"')).hex().upper()
    rows = f"('a7', X'{profile}'), ('a8', X'{nobody}')"
    kept.run(f"BEGIN TRANSACTION; INSERT INTO customer VALUES {rows}; COMMIT;")
    with closing(open_store(kept.location, tmp_path)) as store:
        assert [row.account for row in store.ask(FRIENDS_OF, "a1")] == ["a7"]


async def test_a_card_of_nobody_that_gets_a_name_stays_with_who_has_brought_it(
    shop: OpenPos,
) -> None:
    async with shop() as pos:
        olha, petro = await issue(pos, OLHA), await issue(pos, PETRO)
        await befriended(pos, "s1", PETRO, olha)
        named = {"request_id": "t1", "card": PETRO, "profile": {"name": "Petro"}} | WHO
        await pos.call("card.transfer", **named)
        dossier = await known(pos, petro)
        assert (dossier["answers"]["name"], dossier["referrer"]) == ("Petro", olha)
        circle = {"request_id": "t2", "card": OLHA, "profile": {"name": "O", "referrer": PETRO}}
        error = await refused(pos, "card.transfer", **circle, **WHO)
        assert error.message.endswith("profile.referrer: was brought by this very customer")


async def test_who_joins_on_the_page_gets_a_code_with_the_card(
    location: str, tmp_path: Path
) -> None:
    programme = RULES.replace('kind = "plastic"', 'kind = "phone"')
    lay_out(tmp_path, programme, **{'"tillcard.db"': f'"{location}"'})
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(open_till(tmp_path, HandClock()))
        pos = await stack.enter_async_context(Pos.connect(app.socket))
        customer = await stack.enter_async_context(ClientSession(cookie_jar=CookieJar(unsafe=True)))
        url = f"{app.web_url}/join"
        async with customer.get(url) as page:
            form = dict(HIDDEN.findall(await page.text()))
        form |= {"name": "Olha", "phone": "+380671234567", "personal_data": "yes"}
        async with customer.post(url, data=form, allow_redirects=False) as answer:
            token = answer.headers["Location"].rpartition("/c/")[2]
        joined = await app.cards.by_token(token)
        assert joined is not None
        assert len(await code(pos, joined.account)) == 12
