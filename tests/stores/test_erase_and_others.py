"""A customer who is erased while a table names them, and whatever would bring them back."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.shops import FRIEND
from tests.scenarios.test_erase_customer import PERSON, WHO
from tests.stores.test_card_batches import OpenPos, shop, whole
from tests.stores.test_erase import files_say, lived, rows_say
from tests.support.images import file_of, upright
from tests.support.imports import apply, bring
from tests.support.pos import refused

__all__ = ["shop", "whole"]
HEAD = ("card", "name", "phone", "email")
ROW = [FRIEND, PERSON["name"], PERSON["phone"], PERSON["email"]]
WAYS = [{}, {"keep_cards": True}]
Said = Callable[[], Any]


@pytest.fixture
def said(location: str, tmp_path: Path) -> Said:
    """Return what the files or the rows of the ledger say of the person."""
    return lambda: files_say(tmp_path) if location == "ledger.db" else rows_say(location)


@pytest.mark.parametrize("more", WAYS)
async def test_a_row_that_waits_is_gone_with_its_customer(
    shop: OpenPos, said: Said, more: dict[str, Any]
) -> None:
    async with shop() as pos:
        account = await lived(pos)
        await bring(pos, HEAD, [ROW], request_id="w", update=True)
        await pos.call("customer.erase", request_id="e", account=account, **WHO, **more)
        assert not said()
        shown = await apply(pos, 1, request_id="w")
        assert (shown["updated"], shown["left"]) == (0, 1)
        assert [(row["row"], row["note"]) for row in shown["rows"]] == [(2, "was erased since")]
        assert (await pos.call("customer.show", account=account))["answers"] == {}
    assert not said()


async def test_a_bad_row_does_not_say_who_was_a_customer_already(shop: OpenPos, said: Said) -> None:
    async with shop() as pos:
        account = await lived(pos)
        checked = await bring(pos, ("name", "phone"), [["Ivan", PERSON["phone"]]], request_id="w")
        assert checked["bad"] == 1
        await pos.call("customer.erase", request_id="e", account=account, **WHO)
        assert not said()
        [bad] = (await pos.call("import.check", request_id="w"))["rows"]
        assert bad["value"] == ""
    assert not said()


async def test_a_row_that_knew_nobody_is_gone_with_whom_it_means_by_then(
    shop: OpenPos, said: Said
) -> None:
    async with shop() as pos:
        head, row = ("name", "phone"), [PERSON["name"], PERSON["phone"]]
        await bring(pos, head, [row], request_id="w")
        issue = {"request_id": "i", "number": FRIEND, "profile": PERSON}
        account = (await pos.call("card.issue", **issue))["account"]
        await pos.call("customer.erase", request_id="e", account=account, **WHO)
        assert not said()
        shown = await apply(pos, 1, request_id="w")
        assert (shown["added"], shown["left"]) == (0, 1)


@pytest.mark.parametrize("more", WAYS)
async def test_no_table_says_anew_who_was_erased(
    shop: OpenPos, said: Said, more: dict[str, Any]
) -> None:
    async with shop() as pos:
        account = await lived(pos)
        await pos.call("customer.erase", request_id="e", account=account, **WHO, **more)
        checked = await bring(
            pos, ("card", "language"), [[FRIEND, "uk"]], request_id="w", update=True
        )
        assert checked["bad"] == 1
        assert checked["rows"][0]["problem"].startswith("was erased on 2026-11-")
    assert not said()


@pytest.mark.parametrize("more", WAYS)
@pytest.mark.parametrize("by_card", [True, False])
async def test_no_picture_is_kept_of_who_was_erased(
    shop: OpenPos, more: dict[str, Any], *, by_card: bool
) -> None:
    async with shop() as pos:
        account = await lived(pos)
        await pos.call("customer.erase", request_id="e", account=account, **WHO, **more)
        who = {"card": FRIEND} if by_card else {"account": account}
        image = b64encode(file_of(upright())).decode()
        error = await refused(pos, "customer.photo", request_id="p9", image=image, **who)
        assert error.message.partition(": ")[2].startswith("was erased on 2026-11-")
        shown = await pos.call("customer.photo_show", by="olha", account=account)
        assert shown["image"] == ""
