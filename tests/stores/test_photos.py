"""Photos on every store: kept as bytes, one row each, shared by tills, and gone with one delete."""

import base64
from contextlib import closing
from pathlib import Path

from daemon.base.ids import AccountId
from daemon.customers.pictures import small_picture
from daemon.ledger.storage.customer_queries import PHOTO, PHOTO_KINDS
from daemon.ledger.storage.customer_rows import PhotoRow
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Change, Gone
from tests.scenarios.shops import FRIEND, account_of
from tests.scenarios.test_customers import PASSPORT
from tests.scenarios.test_photos import FILE, photo, shown, text
from tests.stores.test_card_batches import OpenPos, shop, whole
from tests.support.images import file_of, upright
from tests.support.till import PLASTIC

__all__ = ["shop", "whole"]
WHO = {"by": "olha", "reason": "one person"}


async def test_a_photo_is_kept_as_it_is_and_replaced_and_taken_away(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    sign = file_of(upright(80, 40), "PNG")
    async with shop() as pos:
        await photo(pos)
        await photo(pos, "p2", kind="signature", image=text(sign))
    async with shop() as pos:
        account = AccountId(await account_of(pos, PLASTIC))
        assert await shown(pos) == small_picture(FILE)
        await photo(pos, "p3", image=text(sign))
        await photo(pos, "p4", kind="signature", image="")
        again = await photo(pos, "p3", image=text(sign))
        assert (again["state"], again["replayed"]) == ("set", True)
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert store.ask(PHOTO_KINDS, account) == ["photo"]
        row = store.ask_one(PHOTO, account, "photo")
        assert row is not None
        assert (row.image, row.at[:10]) == (small_picture(sign), "2026-11-23")


async def test_who_looks_at_sensitive_answers_is_kept_on_every_store(shop: OpenPos) -> None:
    said = {"by": "maria", "reason": "the passport was checked"}
    async with shop() as pos:
        await pos.call("questionnaire.activate", request_id="q", text=PASSPORT, by="olha")
        terms = {"answers": {"passport": "AB123456"}, "consents": ["personal_data"]}
        await pos.call("customer.update", request_id="u", card=PLASTIC, **terms)
    async with shop() as pos:
        shown = await pos.call("customer.private", card=PLASTIC, **said)
        assert shown["answers"] == {"passport": "AB123456"}
        known = await pos.call("customer.show", card=PLASTIC, limit=1)
        kept = known["entries"][0]["said"]
        assert kept == {"event": "shown", "fields": ["passport"]} | said


async def test_a_merge_moves_no_picture_and_each_has_its_own_after_it(shop: OpenPos) -> None:
    async with shop() as pos:
        await pos.call("card.issue", request_id="i", number=FRIEND)
        keep, drop = await account_of(pos, PLASTIC), await account_of(pos, FRIEND)
        await photo(pos, card=FRIEND)
        await pos.call("customer.merge", request_id="m", keep=keep, drop=drop, **WHO)
        assert await shown(pos) == small_picture(FILE)
        await pos.call("customer.unmerge", request_id="x", drop=drop, **WHO)
        assert await shown(pos) == b""
        assert await shown(pos, card=FRIEND) == small_picture(FILE)


async def test_with_the_rows_of_an_account_every_byte_of_its_pictures_is_gone(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    async with shop() as pos:
        await photo(pos)
        account = AccountId(await account_of(pos, PLASTIC))
    with closing(open_store(location, tmp_path)) as store:
        gone = tuple(Gone(PhotoRow, (account, kind)) for kind in store.ask(PHOTO_KINDS, account))
        store.begin()
        store.write(Change(gone=gone))
        store.commit()
        assert store.ask(PHOTO_KINDS, account) == []
    async with shop() as pos:
        answer = await pos.call("customer.photo_show", card=PLASTIC, by="maria")
        assert base64.b64decode(answer["image"]) == b""
