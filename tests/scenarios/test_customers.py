"""What is known of a customer is changed by one way, and no entry says what it is."""

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from daemon.base.ids import AccountId
from daemon.base.permissions import OperatorRole
from daemon.ledger.entries import decode
from daemon.ledger.storage.customer_queries import CONSENTS_OF, KEYS_OF, PRIVATE
from daemon.ledger.storage.queries import CUSTOMER
from daemon.ledger.storage.sqlite import SQLiteStore
from tests.daemon.customers.test_questionnaire import OF_THE_SPEC
from tests.scenarios.shops import FRIEND, HEAD, account_of, goods, refusal
from tests.scenarios.staff import approval, shop
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos

PHONE = "067 123 45 67"
E164 = "+380671234567"
CONSENT: dict[str, Any] = {"consents": ["personal_data"]}
PASSPORT = """
[[question]]
id = "name"
kind = "name"
required = false

[[question]]
id = "passport"
kind = "text"
required = false
sensitive = true

[[question]]
id = "size"
kind = "number"
required = false

[[question]]
id = "likes"
kind = "multi"
choices = ["tea", "coffee", "cocoa"]
required = false
"""


async def ask(pos: Pos, text: str = OF_THE_SPEC, request_id: str = "q") -> str:
    """Bring a questionnaire in force; return its version."""
    done = await pos.call("questionnaire.activate", request_id=request_id, text=text, by="olha")
    version: str = done["version"]
    return version


async def update(pos: Pos, request_id: str = "u", **terms: Any) -> Any:
    return await pos.call("customer.update", request_id=request_id, by="anna", **terms)


class Ledger:
    """What stands in a till's ledger, read from beside it."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def profile(self, account: str) -> dict[str, Any]:
        with self._store() as store:
            row = store.ask_one(CUSTOMER, account)
            assert row is not None
            known: dict[str, Any] = json.loads(row.profile)
            return known

    def private(self, account: str) -> dict[str, Any]:
        with self._store() as store:
            row = store.ask_one(PRIVATE, account)
            return json.loads(row.answers) if row else {}

    def keys(self, account: str) -> list[tuple[str, str]]:
        with self._store() as store:
            return [(row.kind, row.value) for row in store.ask(KEYS_OF, account)]

    def consents(self, account: str) -> dict[str, int]:
        with self._store() as store:
            rows = store.ask(CONSENTS_OF, account)
            return {":".join(filter(None, (r.purpose, r.channel))): r.given for r in rows}

    def entries(self, kind: str) -> list[dict[str, Any]]:
        with self._store() as store:
            decoded = (decode(chained.body) for chained in store.entries())
            return [json.loads(bytes(entry.detail)) for entry in decoded if entry.kind == kind]

    def text(self) -> str:
        with self._store() as store:
            return "\n".join(chained.body.decode() for chained in store.entries())

    def _store(self) -> Any:
        return closing(SQLiteStore(self._home / "tillcard.db", read_only=True))


@pytest.fixture
def ledger(till: App, tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


async def test_a_change_names_the_fields_and_never_their_values(pos: Pos, ledger: Ledger) -> None:
    terms: dict[str, Any] = {
        "card": PLASTIC,
        "answers": {"phone": PHONE, "email": "Olena@Example.COM"},
    }
    done = await update(pos, **terms, tags=["vip"], reason="asked to")
    account = done["account"]
    assert sorted(done["fields"]) == ["email", "phone", "tags"]
    assert await update(pos, **terms, tags=["vip"], reason="asked to") == done | {"replayed": True}
    assert ledger.profile(account) == {
        "name": "Olena",
        "phone": E164,
        "email": "Olena@example.com",
        "tags": ["vip"],
    }
    [entry] = ledger.entries("customer")
    assert (entry["by"], entry["reason"], entry["event"]) == ("anna", "asked to", "changed")
    assert sorted(entry["fields"]) == ["email", "phone", "tags"]
    for word in ("671234567", "example.com", "Olena"):
        assert word not in ledger.text()


async def test_what_is_not_named_stays_and_nothing_is_taken_away_by_saying_nothing(
    pos: Pos, ledger: Ledger
) -> None:
    account = await account_of(pos, PLASTIC)
    await update(pos, "u1", account=account, answers={"birthday": "1990-05-17"}, tags=["vip"])
    done = await update(pos, "u2", account=account, answers={"birthday": ""})
    assert done["fields"] == ["birthday"]
    assert ledger.profile(account) == {"name": "Olena", "tags": ["vip"]}
    assert (await update(pos, "u3", account=account, tags=[]))["fields"] == ["tags"]
    assert (await update(pos, "u4", account=account, answers={"name": "Olena"}))["fields"] == []


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"answers": {"shoe": 42}}, "answers.shoe: nobody asks this; the questions are: name, ph"),
        ({"answers": {"phone": "8 (067)"}}, "answers.phone: is no telephone number"),
        ({"answers": {"email": "olena@home"}}, "answers.email: is no e-mail address"),
        ({"answers": {"birthday": "17.05.1990"}}, "answers.birthday: '17.05.1990' is no day"),
        ({"answers": {"name": "x" * 201}}, "answers.name: has more than 200 letters"),
        ({"answers": {"name": "\u0007"}}, "answers.name: must have no control characters"),
        ({"answers": {"name": 7}}, "answers.name: is no text"),
        ({"answers": {"tags": ["a"]}}, "answers.tags: stands beside answers: tags"),
        ({"tags": [str(n) for n in range(51)]}, "tags: has more than 50 entries"),
        ({"consents": ["news"]}, "consents: there is no consent 'news'; there is: personal_data,"),
        ({"consents": ["marketing:fax"]}, "consents: marketing has no channel 'fax'; there is: s"),
        ({"consents": ["marketing"], "consents_at": "1 May"}, "consents_at: is no time with an of"),
        (
            {"consents": ["marketing"], "consents_at": "2031-01-01T00:00:00Z"},
            "consents_at: is still to come",
        ),
    ],
)
async def test_what_is_wrong_is_refused_whole_and_named(
    pos: Pos, ledger: Ledger, terms: dict[str, Any], said: str
) -> None:
    good: dict[str, Any] = {"answers": {"birthday": "1990-05-17"}}
    terms = {"answers": good["answers"] | terms.pop("answers", {}), **terms}
    error = await refused(pos, "customer.update", request_id="u", card=PLASTIC, **terms)
    assert error.data["name"] == "invalid_params"
    assert error.message.startswith(said), error.message
    assert ledger.profile(await account_of(pos, PLASTIC)) == {"name": "Olena"}
    await update(pos, card=PLASTIC, **good)


async def test_a_customer_whom_nobody_knows_is_refused(pos: Pos) -> None:
    unknown = (1010, "card_unknown")
    for whose in ({"account": "a0"}, {"card": "2900000000193"}):
        assert await refusal(pos, "customer.update", request_id="u", **whose) == unknown
        consent = {"request_id": "c", "purpose": "personal_data", "given": True}
        assert await refusal(pos, "customer.consent", **consent, **whose) == unknown
    both = {"request_id": "u", "account": "a0", "card": PLASTIC}
    assert await refusal(pos, "customer.update", **both) == (-32602, "invalid_params")


async def test_one_of_a_group_is_enough_and_without_any_nothing_is_kept(
    pos: Pos, ledger: Ledger
) -> None:
    await ask(pos)
    terms: dict[str, Any] = {"request_id": "i", "number": FRIEND}
    neither = terms | {"profile": {"answers": {"for_whom": "me"}} | CONSENT}
    error = await refused(pos, "card.issue", **neither)
    assert error.message.startswith("profile.answers.contact: answer one of: phone, email")
    profile: dict[str, Any] = {"email": "a@example.ua", "answers": {"for_whom": "me"}} | CONSENT
    issued = await pos.call("card.issue", **terms, profile=profile)
    either = {"request_id": "i2", "number": "2900000000032"}
    await pos.call("card.issue", **either, profile={"phone": PHONE} | CONSENT)
    taken = {"account": issued["account"], "answers": {"email": ""}, "request_id": "u"}
    error = await refused(pos, "customer.update", **taken)
    assert error.message.startswith("answers.contact: answer one of: phone, email")
    swapped = {"email": "", "phone": PHONE}
    await update(pos, account=issued["account"], answers=swapped)
    assert ledger.profile(issued["account"]) == {"phone": E164, "answers": {"for_whom": "me"}}
    # Whoever takes everything back is anonymous again, and nothing is required of them.
    await update(pos, "u2", account=issued["account"], answers={"phone": "", "for_whom": ""})
    assert ledger.profile(issued["account"]) == {}


async def test_filling_nothing_needs_no_consent_and_anything_filled_needs_it(
    pos: Pos, ledger: Ledger
) -> None:
    version = await ask(pos)
    terms: dict[str, Any] = {"request_id": "i", "number": FRIEND}
    account = (await pos.call("card.issue", **terms))["account"]
    filled: dict[str, Any] = {"account": account, "answers": {"phone": PHONE}}
    error = await refused(pos, "customer.update", request_id="u", **filled)
    assert error.message.startswith("consents: must have personal_data")
    ticked = ["personal_data", "marketing:sms"]
    await update(pos, **filled, consents=ticked, language="uk")
    assert ledger.consents(account) == {"personal_data": 1, "marketing:sms": 1}
    assert ledger.entries("consent") == [
        {
            "purpose": purpose,
            "channel": channel,
            "given": True,
            "source": "till",
            "by": "anna",
            "text_version": version,
            "language": "uk",
        }
        for purpose, channel in (("personal_data", ""), ("marketing", "sms"))
    ]
    # It holds until it is taken back.
    await update(pos, "u2", account=account, answers={"email": "a@example.ua"})
    back = {"account": account, "purpose": "personal_data", "given": False, "by": "anna"}
    await pos.call("customer.consent", request_id="c", **back)
    more = {"request_id": "u3", "account": account, "answers": {"for_whom": "me"}}
    assert await refusal(pos, "customer.update", **more) == (-32602, "invalid_params")
    await update(pos, "u4", account=account, answers={"email": ""})


async def test_the_newest_word_on_a_purpose_and_a_channel_holds(
    pos: Pos, ledger: Ledger, clock: HandClock
) -> None:
    account = await account_of(pos, PLASTIC)

    async def say(request_id: str, given: bool, **more: Any) -> Any:
        terms = {"account": account, "purpose": "marketing", "given": given} | more
        return await pos.call("customer.consent", request_id=request_id, **terms)

    done = await say("c1", True)
    assert done["channels"] == ["sms", "viber", "email"]
    assert await say("c1", True) == done | {"replayed": True}
    clock.move(days=1)
    await say("c2", False, channel="sms", source="unsubscribe")
    held = {"marketing:sms": 0, "marketing:viber": 1, "marketing:email": 1}
    assert ledger.consents(account) == held
    # A form that was signed before and is typed in now undoes nothing.
    late = str(clock.now().isoformat().replace("+00:00", "Z"))
    clock.move(days=1)
    await say("c3", True, channel="sms", said_at="2020-01-01T10:00:00+02:00")
    assert ledger.consents(account) == held
    await say("c4", True, channel="sms", said_at=late, source="form")
    assert ledger.consents(account)["marketing:sms"] == 1
    assert [entry["source"] for entry in ledger.entries("consent")][-3:] == [
        "unsubscribe",
        "till",
        "form",
    ]


async def test_a_telephone_of_a_customer_is_found_by_its_key(pos: Pos, ledger: Ledger) -> None:
    name = "Олена Дем'янчук-Ivanová"
    await update(pos, card=PLASTIC, answers={"name": name, "phone": PHONE})
    account = await account_of(pos, PLASTIC)
    words = ["ivanova", "демянчук", "олена"]
    assert ledger.keys(account) == [("phone", E164[:0:-1]), *(("word", word) for word in words)]
    await update(pos, "u2", card=PLASTIC, answers={"name": "Olena", "phone": ""})
    assert ledger.keys(account) == [("word", "olena")]


async def test_a_sensitive_answer_is_kept_apart(pos: Pos, ledger: Ledger) -> None:
    await ask(pos, PASSPORT)
    await update(pos, card=PLASTIC, answers={"passport": "AB123456", "size": 42}, **CONSENT)
    account = await account_of(pos, PLASTIC)
    assert ledger.profile(account) == {"name": "Olena", "answers": {"size": 42}}
    assert ledger.private(account) == {"passport": "AB123456"}
    assert "AB123456" not in ledger.text()
    # It stays apart, though nobody asks it any more.
    await ask(pos, PASSPORT.replace('"passport"', '"colour"'), "q2")
    await update(pos, "u2", card=PLASTIC, answers={"size": 43})
    assert ledger.private(account) == {"passport": "AB123456"}
    assert (await update(pos, "u3", card=PLASTIC, answers={"passport": ""}))["fields"] == [
        "passport"
    ]
    assert ledger.private(account) == {}


class TestRules:
    @pytest.fixture
    def programme(self) -> str:
        return f"""{HEAD}
[[lane]]
id = "card"
[[rule]]
id = "gift"
lane = "card"
when = {{ card = {{ answer = {{ for_whom = "gift" }} }} }}
give = {{ percent = 10 }}
"""

    async def test_a_rule_asks_for_an_answer_and_no_entry_says_it(
        self, pos: Pos, ledger: Ledger, tmp_path: Path
    ) -> None:
        await ask(pos)
        terms: dict[str, Any] = {"card": PLASTIC, "lines": goods(10_000)}
        assert (await pos.call("sale.quote", **terms))["total"] == 10_000
        answers = {"for_whom": "gift", "phone": PHONE}
        await update(pos, card=PLASTIC, answers=answers | {"name": ""}, **CONSENT)
        sold = await pos.call("sale.commit", sale_id="s1", **terms)
        assert sold["total"] == 9_000
        assert "for_whom" not in "".join(
            line for line in ledger.text().splitlines() if '"kind":"sale"' in line
        )
        back = await pos.call("sale.return", return_id="r", sale_id="s1", whole=True)
        assert back["refund"] == 9_000


async def test_two_changes_at_once_are_both_there(pos: Pos, till: App, ledger: Ledger) -> None:
    async with Pos.connect(till.socket) as other:
        await asyncio.gather(
            update(pos, "u1", card=PLASTIC, answers={"phone": PHONE}),
            update(other, "u2", card=PLASTIC, answers={"birthday": "1990-05-17"}),
        )
    account = AccountId(await account_of(pos, PLASTIC))
    known = ledger.profile(account)
    assert (known["phone"], known["birthday"]) == (E164, "1990-05-17")


async def test_the_commands_change_a_customer_as_a_till_does(
    pos: Pos, till: App, ledger: Ledger
) -> None:
    where = ("--by", "anna", "--socket", str(till.socket))
    await ask(pos, PASSPORT)

    async def customers(*words: str) -> tuple[int, str, str]:
        result = await asyncio.to_thread(tillcard, "customers", *words, *where)
        return result.exit_code, result.stdout, result.stderr

    words = ("--set", "size=42", "--set", "likes=tea", "--set", "likes=cocoa", "--tag", "vip")
    code, _, said = await customers("update", PLASTIC, *words)
    assert code == 1
    assert "consents: must have personal_data" in said
    code, out, _ = await customers("update", PLASTIC, *words, "--consent", "personal_data")
    account = await account_of(pos, PLASTIC)
    assert (code, out) == (0, f"{account}: changed: tags, size, likes\n")
    assert ledger.profile(account) == {
        "name": "Olena",
        "tags": ["vip"],
        "answers": {"size": 42, "likes": ["tea", "cocoa"]},
    }
    code, out, _ = await customers("update", account, "--set", "likes=", "--tag", "", "--json")
    assert json.loads(out)["fields"] == ["tags", "likes"]
    code, _, said = await customers("update", account, "--set", "size")
    assert code == 2
    code, out, _ = await customers("consent", account, "personal_data", "--taken-back")
    assert (code, out) == (0, f"{account}: personal_data: taken back\n")
    assert ledger.consents(account) == {"personal_data": 0}
    code, _, said = await customers("consent", "a" + "0" * 16, "personal_data", "--given")
    assert (code, said) == (
        1,
        "customer.consent was refused. There is no such customer. (card_unknown, 1010)\n",
    )


async def test_a_contact_is_filled_in_by_a_cashier_and_changed_by_a_senior(
    tmp_path: Path, clock: HandClock
) -> None:
    async with shop(tmp_path, clock) as (_, pos):
        whose = {"card": PLASTIC, "by": "cashier"}
        for n, answers in enumerate(({"phone": PHONE}, {"birthday": "1990-05-17"})):
            await pos.call("customer.update", request_id=f"u{n}", answers=answers, **whose)
        for n, answers in enumerate(({"phone": "0671234568"}, {"phone": ""})):
            changed = {"request_id": f"c{n}", "answers": answers} | whose
            assert await refusal(pos, "customer.update", **changed) == (1040, "permission")
            approved = changed | approval(OperatorRole.SENIOR)
            done = await pos.call("customer.update", **approved)
            assert done["fields"] == ["phone"]
            assert await pos.call("customer.update", **approved) == done | {"replayed": True}
