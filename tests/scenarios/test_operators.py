"""Who works here: they come, change and go; their secrets stand nowhere but as hashes."""

import asyncio
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from pyotp import TOTP

from daemon.accounts.operator_changes import OPERATORS_MAX
from daemon.app.running import App
from daemon.ledger.entries import decode
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import account_of, refusal
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import LEDGER, PLASTIC, Pos, RefusedByTillError, lay_out, open_till

INVALID = (-32602, "invalid_params")


async def add(pos: Pos, name: str, role: str = "senior", **more: Any) -> Any:
    request = more.pop("request_id", f"add-{name}")
    return await pos.call(
        "operator.add", **{"request_id": request, "name": name, "role": role, "by": "maria"} | more
    )


async def listed(pos: Pos, **more: Any) -> list[tuple[str, str]]:
    page = await pos.call("operator.list", **more)
    return [(one["name"], one["role"]) for one in page["operators"]]


def entries(home: Path) -> list[dict[str, Any]]:
    with closing(open_store(LEDGER, home, read_only=True)) as store:
        found = [decode(one.body) for one in store.entries()]
    return [msgspec.json.decode(one.detail) for one in found if one.kind == "operator"]


def kept_bytes(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.glob(f"{LEDGER}*"))


async def test_each_change_is_an_entry_that_says_who_and_by_whom(
    pos: Pos, till: App, tmp_path: Path
) -> None:
    await add(pos, "Olha")
    named: dict[str, Any] = {"name": "OLHA", "by": "maria"}
    await pos.call("operator.role", request_id="r", role="manager", stores=["1", "7"], **named)
    await pos.call("operator.pin", request_id="p", pin="60418", **named)
    await pos.call("operator.password", request_id="w", password="violet tractor sings", **named)
    await pos.call("operator.close", request_id="c", **named)
    olha = {"name": "Olha", "by": "maria"}
    manager = olha | {"role": "manager", "stores": ["1", "7"]}
    assert entries(tmp_path) == [
        olha | {"event": "added", "role": "senior"},
        *(manager | {"event": event} for event in ("role", "pin", "password", "closed")),
    ]


async def test_a_name_is_one_person_however_it_is_written(pos: Pos) -> None:
    await add(pos, "Юля")
    assert await refusal(
        pos, "operator.add", request_id="x", name="ЮЛЯ", role="cashier", by="maria"
    ) == (INVALID)
    with pytest.raises(RefusedByTillError, match="there is an operator Юля already"):
        await add(pos, "юля", request_id="y")
    assert await listed(pos) == [("Юля", "senior")]


async def test_a_call_that_is_sent_again_is_done_once(pos: Pos) -> None:
    first = await add(pos, "olha")
    assert await add(pos, "olha") == first | {"replayed": True}
    assert await refusal(
        pos, "operator.add", request_id="add-olha", name="olha", role="owner", by="maria"
    ) == (1001, "id_reused")


async def test_one_who_was_closed_comes_back_without_a_secret(pos: Pos) -> None:
    await add(pos, "olha")
    await pos.call("operator.pin", request_id="p", name="olha", pin="60418", by="maria")
    closed = await pos.call("operator.close", request_id="c", name="olha", by="maria")
    assert (closed["state"], closed["has_pin"]) == ("closed", False)
    assert await listed(pos) == []
    assert await listed(pos, closed=True) == [("olha", "senior")]
    for method, more in (("role", {"role": "owner"}), ("pin", {"pin": "1234"}), ("close", {})):
        gone = {"request_id": method, "name": "olha", "by": "maria", **more}
        assert await refusal(pos, f"operator.{method}", **gone) == INVALID
    again = await add(pos, "Olha", "cashier", request_id="again")
    assert (again["name"], again["state"], again["has_pin"]) == ("Olha", "active", False)


async def test_an_operator_s_own_account_is_named_by_a_card(pos: Pos) -> None:
    account = await account_of(pos, PLASTIC)
    assert (await add(pos, "olha", account=PLASTIC))["account"] == account
    assert (await add(pos, "ivan", account=account))["account"] == account
    nobody = {"request_id": "x", "name": "petro", "role": "senior", "by": "maria"}
    for account in ("nobody", "2900000000193"):
        unknown = await refusal(pos, "operator.add", **nobody, account=account)
        assert unknown == (1010, "card_unknown")
    changed = await pos.call(
        "operator.role", request_id="r", name="olha", role="owner", account="", by="maria"
    )
    assert changed["account"] == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * 65},
        {"role": "chief"},
        {"stores": [""]},
        {"stores": ["x"] * 101},
        {"language": "de"},
        {"by": ""},
    ],
)
async def test_an_operator_with_something_wrong_is_not_added(
    pos: Pos, wrong: dict[str, Any]
) -> None:
    params = {"request_id": "x", "name": "olha", "role": "senior", "by": "maria"} | wrong
    assert await refusal(pos, "operator.add", **params) == INVALID
    assert await listed(pos, closed=True) == []


@pytest.mark.parametrize("pin", ["123", "123456789", "12a4", "١٢٣٤", " 1234", "1234\n"])
async def test_a_pin_has_4_to_8_digits(pos: Pos, pin: str) -> None:
    await add(pos, "olha")
    wrong = {"request_id": "p", "name": "olha", "pin": pin, "by": "maria"}
    assert await refusal(pos, "operator.pin", **wrong) == INVALID


async def test_an_empty_secret_takes_it_away(pos: Pos) -> None:
    await add(pos, "olha")
    named = {"name": "olha", "by": "maria"}
    await pos.call("operator.pin", request_id="p", pin="4711", **named)
    gone = await pos.call("operator.pin", request_id="q", pin="", **named)
    assert gone["has_pin"] is False
    await pos.call("operator.password", request_id="w", password="violet tractor sings", **named)
    gone = await pos.call("operator.password", request_id="x", password="", **named)
    assert gone["has_password"] is False


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("tractor9!", "must have at least 10 characters"),
        ("password123", "is easy to guess"),
        ("olhaolhaolha", "is easy to guess"),
        ("x" * 129, "more than 128 letters"),
    ],
)
async def test_a_password_that_is_easy_to_guess_is_refused(
    pos: Pos, password: str, said: str
) -> None:
    await add(pos, "olha")
    with pytest.raises(RefusedByTillError, match=said):
        await pos.call(
            "operator.password", request_id="w", name="olha", password=password, by="maria"
        )
    assert (await pos.call("operator.list"))["operators"][0]["has_password"] is False


async def test_a_second_factor_is_set_when_the_phone_shows_its_code(
    pos: Pos, clock: HandClock
) -> None:
    await add(pos, "olha")
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    named = {"name": "olha", "secret": secret, "by": "maria"}
    late = TOTP(secret).at(clock.now() - timedelta(minutes=1))
    assert await refusal(pos, "operator.totp", request_id="t1", code=late, **named) == INVALID
    code = TOTP(secret).at(clock.now() - timedelta(seconds=30))
    done = await pos.call("operator.totp", request_id="t2", code=code, **named)
    assert done["has_totp"] is True
    clock.move(minutes=5)
    again = await pos.call("operator.totp", request_id="t2", code=code, **named)
    assert again == done | {"replayed": True}
    off = {"name": "olha", "secret": "", "by": "maria"}
    assert (await pos.call("operator.totp", request_id="t3", **off))["has_totp"] is False


async def test_no_secret_stands_in_the_ledger_or_is_part_of_a_request(
    pos: Pos, till: App, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await add(pos, "olha")
    pin, password = "73914026", "violet tractor sings"
    named = {"name": "olha", "by": "maria"}
    set_pin = await pos.call("operator.pin", request_id="p", pin=pin, **named)
    await pos.call("operator.password", request_id="w", password=password, **named)
    # Whoever has the request's hash must not be able to try ten thousand PINs against it.
    again = await pos.call("operator.pin", request_id="p", pin="11112222", **named)
    assert again == set_pin | {"replayed": True}
    written = kept_bytes(tmp_path)
    for secret in (pin, password):
        assert secret.encode() not in written
        assert secret not in caplog.text
    assert b"$argon2id$v=19$m=19456,t=2,p=1$" in written


async def test_a_shop_has_a_thousand_operators_and_closed_ones_make_room(pos: Pos) -> None:
    for n in range(OPERATORS_MAX):
        await add(pos, f"anna {n:04}", "cashier")
    full = {"request_id": "x", "name": "olha", "role": "senior", "by": "maria"}
    assert await refusal(pos, "operator.add", **full) == (1023, "limit_reached")
    await pos.call("operator.close", request_id="c", name="anna 0999", by="maria")
    await add(pos, "olha")
    names: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await pos.call("operator.list", after=after)
        names += [one["name"] for one in page["operators"]]
        after = page["next"] or None
    assert (len(names), names[-1]) == (OPERATORS_MAX, "olha")


async def test_the_only_owner_stays_while_others_work_here(pos: Pos) -> None:
    """Without an owner whoever reaches the socket may name one."""
    for name, role in (("ivan", "owner"), ("olha", "cashier")):
        await pos.call("operator.add", request_id=name, name=name, role=role, by="ivan")
    ivan = {"request_id": "r1", "name": "ivan", "by": "ivan"}
    sentence = "name: ivan is the only owner; give somebody else the role first"
    for method, more in (("close", {}), ("role", {"role": "manager"})):
        assert (await refused(pos, f"operator.{method}", **ivan, **more)).message == sentence
    await pos.call("operator.role", role="owner", stores=["1"], **ivan)
    await pos.call("operator.role", request_id="r2", name="olha", role="owner", by="ivan")
    await pos.call("operator.role", request_id="r3", name="ivan", role="manager", by="olha")
    await pos.call("operator.close", request_id="c1", name="ivan", by="olha")
    await pos.call("operator.close", request_id="c2", name="olha", by="olha")
    assert await listed(pos) == [], "the last one of all may go"


class TestTheFirstStart:
    CASHIERS: ClassVar[dict[str, str]] = {
        "[simulated]": '[cashiers]\nOlha = "senior"\nivan = "owner"\n\n[simulated]'
    }

    async def test_cashiers_of_the_settings_become_operators_once(
        self, tmp_path: Path, clock: HandClock
    ) -> None:
        lay_out(tmp_path, **self.CASHIERS)
        async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
            assert await listed(pos) == [("ivan", "owner"), ("Olha", "senior")]
            named = {"name": "olha", "by": "ivan"}
            await pos.call("operator.role", request_id="r", role="owner", **named)
            await pos.call("operator.close", request_id="c", name="ivan", by="ivan")
        async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
            assert await listed(pos, closed=True) == [("ivan", "owner"), ("Olha", "owner")]
            assert await listed(pos) == [("Olha", "owner")]
        added = [one for one in entries(tmp_path) if one["event"] == "added"]
        assert [(one["name"], one["by"]) for one in added] == [
            ("Olha", "file till-1"),
            ("ivan", "file till-1"),
        ]


async def test_adding_at_once_adds_one(till: App) -> None:
    async with Pos.connect(till.socket) as one, Pos.connect(till.socket) as other:
        done = await asyncio.gather(
            add(one, "olha", request_id="1"),
            add(other, "Olha", request_id="2"),
            return_exceptions=True,
        )
    assert sorted(type(each).__name__ for each in done) == ["RefusedByTillError", "dict"]
