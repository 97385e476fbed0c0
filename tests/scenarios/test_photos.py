"""A photo and a sample of the signature: set and taken away at the till, shown to few."""

import asyncio
import base64
import json
import random
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from daemon.app.running import App
from daemon.base.permissions import OperatorRole
from daemon.customers.photos import (
    PART_CHARS_MAX,
    PARTS_MAX,
    UPLOAD_S_MAX,
    UPLOADS_MAX,
)
from daemon.customers.pictures import PICTURE_BYTES_MAX, SENTENCES, Problem, small_picture
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.pos.lines import LINE_BYTES_MAX
from tests.daemon.pos.test_cashier_language import CYRILLIC
from tests.scenarios.shops import FRIEND, account_of, goods, refusal
from tests.scenarios.staff import PERMISSION, approval
from tests.scenarios.test_customers import CONSENT, PASSPORT, ask, update
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.images import (
    PLACE,
    file_of,
    moving,
    opened,
    png_that_says,
    said_by_telephone,
    upright,
)
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos

WRONG = (-32602, "invalid_params")
WHO = {"by": "olha", "reason": "one person, two cards"}
FILE = file_of(upright(), exif=said_by_telephone(1))


def text(file: bytes) -> str:
    return base64.b64encode(file).decode("ascii")


async def photo(pos: Pos, request_id: str = "p", **terms: Any) -> Any:
    """Set the picture FILE, or what ``terms`` say."""
    said = {"card": PLASTIC, "image": text(FILE), "by": "anna"} | terms
    return await pos.call("customer.photo", request_id=request_id, **said)


async def shown(pos: Pos, **terms: Any) -> bytes:
    said = {"card": PLASTIC, "by": "maria"} | terms
    return base64.b64decode((await pos.call("customer.photo_show", **said))["image"])


async def events(pos: Pos, whom: str = PLASTIC) -> list[tuple[str, list[str], str]]:
    """Return what an account's entries say of pictures, the oldest first."""
    known = await pos.call("customer.show", card=whom, limit=100)
    said = [one["said"] for one in known["entries"] if one["kind"] == "customer"]
    return [(one["event"], one["fields"], one["by"]) for one in reversed(said)]


def large_file() -> bytes:
    """Return a PNG of some 3 MB: many parts."""
    noise = random.Random(2).randbytes(3 * 1_000_000)
    return file_of(Image.frombytes("RGB", (1_000, 1_000), noise), "PNG")


def parts_of(file: bytes, request_id: str = "p") -> list[dict[str, Any]]:
    size = PART_CHARS_MAX // 4 * 3
    pieces = [file[at : at + size] for at in range(0, len(file), size)]
    return [
        {"request_id": request_id, "image": text(piece), "part": n, "parts": len(pieces)}
        for n, piece in enumerate(pieces, start=1)
    ]


async def test_a_photo_is_set_shown_replaced_and_taken_away_and_entries_say_so(
    pos: Pos, tmp_path: Path
) -> None:
    account = await account_of(pos, PLASTIC)
    done = await photo(pos)
    assert done == {
        **{"account": account, "kind": "photo", "state": "set", "missing": 0, "replayed": False}
    }
    assert await photo(pos) == done | {"replayed": True}
    assert await refusal(pos, "customer.photo", request_id="p", card=PLASTIC, image="") == (
        1001,
        "id_reused",
    )
    assert (await pos.call("customer.show", card=PLASTIC))["pictures"] == ["photo"]
    assert await shown(pos) == small_picture(FILE)
    sign = file_of(upright(200, 90).convert("1"), "PNG")
    await photo(pos, "p2", kind="signature", image=text(sign))
    assert (await pos.call("customer.show", card=PLASTIC))["pictures"] == ["photo", "signature"]
    await photo(pos, "p3", image=text(sign), account=account, card="")
    assert await shown(pos) == await shown(pos, kind="signature") == small_picture(sign)
    gone = await photo(pos, "p4", image="")
    assert (gone["state"], await shown(pos)) == ("removed", b"")
    assert await shown(pos, kind="signature")
    assert await refusal(pos, "customer.photo", request_id="p5", card=PLASTIC, image="") == WRONG
    looked = [("shown", ["photo"], "maria"), ("shown", ["signature"], "maria")]
    assert await events(pos) == [
        ("set", ["photo"], "anna"),
        looked[0],
        ("set", ["signature"], "anna"),
        ("set", ["photo"], "anna"),
        *looked,
        ("removed", ["photo"], "anna"),
        *looked,
    ]
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        said = b"".join(chained.body for chained in store.entries())
    for never in (b"JFIF", text(small_picture(FILE))[:40].encode(), PLACE.encode()):
        assert never not in said


async def test_nothing_of_the_file_but_its_pixels_is_in_the_ledger(
    pos: Pos, tmp_path: Path
) -> None:
    await photo(pos)
    written = [tmp_path / name for name in ("tillcard.db", "tillcard.db-wal")]
    kept = b"".join(file.read_bytes() for file in written)
    assert small_picture(FILE)[:500] in kept
    assert PLACE.encode() not in kept


async def test_a_file_that_is_longer_than_a_line_comes_in_parts_in_any_order(pos: Pos) -> None:
    file = large_file()
    parts = parts_of(file)
    assert len(parts) == 17
    assert all(len(json.dumps(part)) < LINE_BYTES_MAX - 4_096 for part in parts)
    left = len(parts)
    for part in (*parts[::-1][:9], *parts[8:10]):  # two of them a second time
        answer = await photo(pos, **part)
        left = min(left, answer["missing"])
        assert (answer["state"], answer["account"]) == ("waiting", "")
    assert left == 8
    for part in parts[1:8]:
        assert (await photo(pos, **part))["state"] == "waiting"
    done = await photo(pos, **parts[0])
    assert (done["state"], done["missing"]) == ("set", 0)
    assert await shown(pos) == small_picture(file)
    # Whoever has lost the answer sends all of it again, in other parts if they like.
    again = [await photo(pos, **part) for part in parts]
    assert again[-1] == done | {"replayed": True}


async def test_8_mb_fit_into_the_parts_that_there_may_be_and_no_byte_more(pos: Pos) -> None:
    assert PARTS_MAX * (PART_CHARS_MAX // 4 * 3) >= PICTURE_BYTES_MAX
    padded = FILE + bytes(PICTURE_BYTES_MAX - len(FILE))
    done = [await photo(pos, **part) for part in parts_of(padded)]
    assert done[-1]["state"] == "set"
    *first, last = parts_of(padded + b"\0", "p2")
    for part in first:
        await photo(pos, **part)
    error = await refused(pos, "customer.photo", card=PLASTIC, by="anna", **last)
    assert error.message == f"image: {SENTENCES[Problem.TOO_LONG]}"


async def test_of_files_whose_parts_wait_the_oldest_and_the_stale_are_forgotten(
    pos: Pos, clock: HandClock
) -> None:
    piece = {"image": text(FILE[:300]), "parts": 2}
    rest = {"image": text(FILE[300:]), "parts": 2, "part": 2}
    for n in range(UPLOADS_MAX + 1):
        assert (await photo(pos, f"u{n}", **piece))["missing"] == 1
    assert (await photo(pos, "u0", **rest))["state"] == "waiting", "it gave way to the fifth"
    assert (await photo(pos, "u2", **rest))["state"] == "set"
    clock.move(seconds=UPLOAD_S_MAX + 1)
    assert (await photo(pos, "u3", **rest))["state"] == "waiting"


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        ({"image": text(b"<html>")}, SENTENCES[Problem.UNKNOWN]),
        ({"image": text(png_that_says(60_000, 60_000))}, SENTENCES[Problem.TOO_LARGE]),
        ({"image": text(moving("WEBP"))}, SENTENCES[Problem.MOVING]),
        ({"image": text(FILE[:-500])}, SENTENCES[Problem.BROKEN]),
        ({"image": "JFIF!"}, "is no base64; encode the file's bytes, without blanks"),
        ({"image": "x" * (PART_CHARS_MAX + 4)}, f"has more than {PART_CHARS_MAX}"),
        ({"part": 3, "parts": 2}, "there are fewer parts"),
        ({"parts": PARTS_MAX + 1}, f"{PARTS_MAX}"),
        ({"kind": "passport"}, ""),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
async def test_what_cannot_be_kept_is_refused_and_the_old_picture_stays(
    pos: Pos, terms: dict[str, Any], problem: str
) -> None:
    await photo(pos)
    params = {"request_id": "q", "card": PLASTIC, "image": text(FILE)} | terms
    error = await refused(pos, "customer.photo", **params)
    assert (error.code, error.data["name"]) == WRONG
    assert problem in error.message
    assert await shown(pos) == small_picture(FILE)


async def test_a_cashier_reads_in_ukrainian_what_is_wrong(pos: Pos) -> None:
    await pos.call("hello", client="t", version="1", language="uk")
    for file in (b"<html>", moving("PNG"), FILE[:-500], png_that_says(60_000, 60_000)):
        error = await refused(pos, "customer.photo", request_id="q", card=PLASTIC, image=text(file))
        assert CYRILLIC.search(error.message), error.message


async def test_nobody_s_photo_is_refused_before_it_is_read(pos: Pos) -> None:
    params = {"request_id": "q", "account": "a0", "image": text(FILE)}
    assert await refusal(pos, "customer.photo", **params) == (1010, "card_unknown")
    assert await refusal(pos, "customer.photo_show", account="a0", by="maria") == (
        1010,
        "card_unknown",
    )


async def test_under_a_questionnaire_of_the_shop_s_own_a_photo_needs_the_consent(pos: Pos) -> None:
    await ask(pos, PASSPORT)
    params = {"request_id": "p", "card": PLASTIC, "image": text(FILE)}
    assert await refusal(pos, "customer.photo", **params) == WRONG
    await update(pos, card=PLASTIC, answers={"size": 42}, **CONSENT)
    assert (await photo(pos))["state"] == "set"


async def test_a_photo_is_shown_to_managers_and_to_who_they_let_see_it(
    strict: Pos,
) -> None:
    await photo(strict, by="cashier")
    asks = {"card": PLASTIC}
    for role in OperatorRole:
        may = role in (OperatorRole.MANAGER, OperatorRole.OWNER)
        if may:
            assert await shown(strict, by=role.value)
        else:
            refuses = await refusal(strict, "customer.photo_show", by=role.value, **asks)
            assert refuses == PERMISSION
    assert await shown(strict, by="cashier", **approval(OperatorRole.MANAGER))
    known = await strict.call("customer.show", card=PLASTIC)
    assert known["entries"][0]["said"]["approved_by"] == "manager"


async def test_a_cashier_who_is_known_sees_none_where_any_name_will_do(lax: Pos) -> None:
    await photo(lax)
    refuses = await refusal(lax, "customer.photo_show", card=PLASTIC, by="cashier")
    assert refuses == PERMISSION
    assert await shown(lax, by="manager")


async def test_after_a_merge_the_kept_one_s_own_photo_is_shown_and_each_gets_its_own_back(
    pos: Pos, clock: HandClock
) -> None:
    other = file_of(upright(90, 60))
    await pos.call("card.issue", request_id="i", number=FRIEND)
    keep, drop = await account_of(pos, PLASTIC), await account_of(pos, FRIEND)
    await photo(pos, "f1", card=FRIEND, image=text(other))
    await photo(pos, "f2", card=FRIEND, kind="signature", image=text(other))
    clock.move(seconds=1)
    await photo(pos)
    await pos.call("customer.merge", request_id="m", keep=keep, drop=drop, **WHO)
    assert (await pos.call("customer.show", account=keep))["pictures"] == ["photo", "signature"]
    assert await shown(pos) == await shown(pos, card=FRIEND) == small_picture(FILE)
    assert await shown(pos, kind="signature") == small_picture(other)
    await pos.call("customer.unmerge", request_id="x", drop=drop, **WHO)
    assert await shown(pos) == small_picture(FILE)
    assert await shown(pos, kind="signature") == b""
    for kind in ("photo", "signature"):
        assert await shown(pos, card=FRIEND, kind=kind) == small_picture(other)
    # What is taken away from both is gone for good.
    await pos.call("customer.merge", request_id="m2", keep=keep, drop=drop, **WHO)
    await photo(pos, "p9", image="")
    assert await shown(pos) == b""
    await pos.call("customer.unmerge", request_id="x2", drop=drop, **WHO)
    assert await shown(pos, card=FRIEND) == b""
    assert await shown(pos, card=FRIEND, kind="signature") == small_picture(other)


class TestCommand:
    @pytest.fixture
    def call(self, till: App) -> Any:
        async def command(*words: str) -> tuple[int, str, str]:
            where = ("--by", "maria", "--socket", str(till.socket))
            result = await asyncio.to_thread(tillcard, "customers", *words, *where)
            return result.exit_code, result.stdout, result.stderr

        return command

    async def test_it_sets_a_file_writes_it_out_and_takes_it_away(
        self, pos: Pos, call: Any, tmp_path: Path
    ) -> None:
        account, file, out = await account_of(pos, PLASTIC), tmp_path / "a.png", tmp_path / "b.jpg"
        file.write_bytes(large_file())
        assert await call("photo", PLASTIC, str(file)) == (0, f"{account}: photo set\n", "")
        assert await call("photo", PLASTIC, "--out", str(out)) == (
            0,
            f"{account}: photo {out}\n",
            "",
        )
        assert out.stat().st_mode & 0o777 == 0o600
        assert out.read_bytes() == await shown(pos) == small_picture(large_file())
        code, _, said = await call("photo", PLASTIC, "--out", str(out))
        assert (code, said) == (1, f"{out} is there already; name another file\n")
        code, said, _ = await call("photo", PLASTIC, "--remove", "--json")
        assert (code, json.loads(said)["state"]) == (0, "removed")
        code, _, said = await call("photo", PLASTIC, "--out", str(tmp_path / "c.jpg"))
        assert (code, said) == (1, f"{account} has no photo.\n")

    async def test_what_cannot_be_read_or_sent_is_said(self, call: Any, tmp_path: Path) -> None:
        empty, long, page = tmp_path / "empty", tmp_path / "long", tmp_path / "page"
        empty.write_bytes(b"")
        long.write_bytes(bytes(PICTURE_BYTES_MAX + 1))
        page.write_bytes(b"<html>")
        for file, problem in (
            (empty, Problem.UNKNOWN),
            (long, Problem.TOO_LONG),
            (page, Problem.UNKNOWN),
        ):
            code, _, said = await call("photo", PLASTIC, str(file))
            assert (code, SENTENCES[problem] in said) == (1, True), said
        code, _, said = await call("photo", PLASTIC, str(tmp_path / "none"))
        assert (code, said) == (1, f"{tmp_path / 'none'}: No such file or directory\n")
        code, _, said = await call("photo", PLASTIC, str(page), "--remove")
        assert (code, "say one of" in said) == (2, True)

    async def test_a_person_gets_their_photo_beside_what_is_known_of_them(
        self, pos: Pos, call: Any, tmp_path: Path
    ) -> None:
        await photo(pos)
        await photo(pos, "p2", kind="signature", image=text(file_of(upright(90, 30))))
        account = await account_of(pos, PLASTIC)
        code, said, _ = await call("export", PLASTIC, "--out", str(tmp_path))
        files = [tmp_path / name for name in (f"{account}.json", "photo.jpg", "signature.jpg")]
        assert (code, said) == (0, "".join(f"{file}\n" for file in files))
        assert files[1].read_bytes() == small_picture(FILE)
        assert opened(files[2].read_bytes()).size == (90, 30)
        assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
        # Somebody else's lies there: nothing is written beside it.
        files[0].unlink()
        code, _, said = await call("export", PLASTIC, "--out", str(tmp_path))
        assert (code, said) == (1, f"{files[1]} is there already; name another folder\n")
        assert not files[0].exists()


async def test_a_sale_goes_on_while_a_picture_is_read(pos: Pos, till: App) -> None:
    slow = file_of(upright(8_000, 5_000), "WEBP", lossless=True)
    async with Pos.connect(till.socket) as other:
        reading = asyncio.create_task(photo(other, image=text(slow)))
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(1_000))
        assert not reading.done()
        assert (await reading)["state"] == "set"


async def test_only_an_admin_s_client_sees_what_is_private_and_tills_set_it(pos: Pos) -> None:
    described = (await pos.call("rpc.discover"))["methods"]
    said = {one["name"]: one["description"] for one in described}
    for name in ("customer.photo_show", "customer.private"):
        assert said[name].startswith("Needs the role admin.")
    assert said["customer.photo"].startswith("Needs the role sale.")
