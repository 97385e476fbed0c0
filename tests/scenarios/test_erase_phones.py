"""A phone that carries the card of who was erased carries it no more, and its page says nothing."""

from contextlib import closing
from pathlib import Path

from aiohttp import ClientSession

from daemon.accounts.cards import NewCard, Profile
from daemon.app.running import App
from daemon.ledger.storage.queries import DEVICES_OF, PHONE
from daemon.ledger.storage.sqlite import SQLiteStore
from tests.scenarios.shops import refusal
from tests.scenarios.test_erase_customer import NAME, erase
from tests.support.clock import HandClock
from tests.support.phone import account_of, bind
from tests.support.till import Pos

NUMBER, TOKEN = "9100000000000222", "t" * 22


async def issued(till: App) -> str:
    identifiers = (("number", NUMBER),)
    card = NewCard(kind="phone", number=NUMBER, identifiers=identifiers, token=TOKEN)
    assert await till.cards.issue(card, Profile(name=NAME))
    return (await account_of(till, NUMBER)).account


async def page(till: App, token: str = TOKEN) -> tuple[int, str]:
    async with ClientSession() as browser, browser.get(f"{till.web_url}/c/{token}") as answer:
        return answer.status, await answer.text()


async def test_the_page_and_the_phone_of_who_was_erased_open_nothing(
    till: App, pos: Pos, tmp_path: Path, clock: HandClock
) -> None:
    account = await issued(till)
    assert (await page(till))[0] == 200
    await bind(till, NUMBER, clock)
    card_id = (await account_of(till, NUMBER)).card.card_id
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        assert store.ask(PHONE, card_id)
    await erase(pos, account)
    status, text = await page(till)
    assert status != 200
    assert NAME not in text
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        assert store.ask(PHONE, card_id) == []
        assert store.ask(DEVICES_OF, card_id) == []


async def test_a_card_that_goes_on_is_given_to_a_phone_anew(
    till: App, pos: Pos, clock: HandClock
) -> None:
    account = await issued(till)
    old = await bind(till, NUMBER, clock)
    await pos.call("card.identify", scan=old.code())
    await erase(pos, account, keep_cards=True)
    clock.move(minutes=1)
    with_code = await refusal(pos, "card.identify", scan=old.code())
    assert with_code[1] in ("card_forged", "card_unknown", "code_not_now"), with_code
    new = await bind(till, NUMBER, clock)
    assert (await pos.call("card.identify", scan=new.code()))["account"] == account
