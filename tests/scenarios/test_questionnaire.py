"""What a shop asks its customers is checked, brought in force and shown: socket and command."""

import asyncio
import json
from pathlib import Path

import pytest

from daemon.app.running import App
from daemon.customers.questionnaire import BUILT_IN_TEXT
from tests.daemon.customers.test_questionnaire import OF_THE_SPEC
from tests.scenarios.shops import refusal
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import Pos, lay_out, open_till

WRONG = OF_THE_SPEC.replace('"choice"', '"choise"')


async def command(*words: str) -> tuple[int, str, str]:
    result = await asyncio.to_thread(tillcard, *words)
    return result.exit_code, result.stdout, result.stderr


async def test_a_shop_that_has_written_none_has_the_built_in_one(pos: Pos) -> None:
    known = await pos.call("questionnaire.show")
    assert (known["at"], known["by"], known["text"]) == ("", "", BUILT_IN_TEXT)
    assert [one["id"] for one in known["questions"]] == ["name", "phone", "email", "birthday"]


async def test_a_questionnaire_is_checked_and_brought_in_force_once(pos: Pos) -> None:
    checked = await pos.call("questionnaire.check", text=OF_THE_SPEC)
    assert (checked["errors"], checked["warnings"]) == ([], [])
    terms = {"request_id": "q1", "text": OF_THE_SPEC, "by": "olha"}
    done = await pos.call("questionnaire.activate", **terms)
    assert done["version"] == checked["version"]
    assert (await pos.call("questionnaire.activate", **terms)) == done | {"replayed": True}
    other = terms | {"text": BUILT_IN_TEXT}
    assert await refusal(pos, "questionnaire.activate", **other) == (1001, "id_reused")
    known = await pos.call("questionnaire.show")
    assert (known["version"], known["by"], known["at"]) == (done["version"], "olha", done["at"])
    assert known["questions"][2]["choices"] == ["me", "gift"]
    assert known["consents"][1]["channels"] == ["sms", "viber", "email"]


async def test_a_bad_one_is_refused_and_the_old_one_stays(pos: Pos) -> None:
    checked = await pos.call("questionnaire.check", text=WRONG)
    assert checked["version"] == ""
    assert [wrong["path"] for wrong in checked["errors"]] == ["question[2].kind"]
    bad = {"request_id": "q1", "text": WRONG}
    assert await refusal(pos, "questionnaire.activate", **bad) == (-32602, "invalid_params")
    assert (await pos.call("questionnaire.show"))["text"] == BUILT_IN_TEXT
    await pos.call("questionnaire.activate", request_id="q1", text=OF_THE_SPEC)


async def test_the_newest_one_is_in_force_after_a_start_too(
    tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path)
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        await pos.call("questionnaire.activate", request_id="q1", text=OF_THE_SPEC)
        await pos.call("questionnaire.activate", request_id="q2", text=BUILT_IN_TEXT)
        back = await pos.call("questionnaire.activate", request_id="q3", text=OF_THE_SPEC)
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        assert (await pos.call("questionnaire.show"))["version"] == back["version"]


async def test_the_commands_do_the_same(till: App, tmp_path: Path) -> None:
    where = ("--socket", str(till.socket))
    file, bad = tmp_path / "questions.toml", tmp_path / "bad.toml"
    file.write_text(OF_THE_SPEC, "utf-8")
    bad.write_text(WRONG, "utf-8")
    code, out, _ = await command("questionnaire", "check", str(file))
    assert (code, out.partition(":")[2]) == (0, " questions: 3, consents: 2\n")
    code, _, said = await command("questionnaire", "check", str(bad))
    assert code == 1
    assert "question[2].kind: 'choise' is not one of 'name'" in said
    code, _, said = await command("questionnaire", "activate", str(bad), *where)
    assert code == 1
    code, out, _ = await command(
        "questionnaire", "activate", str(file), "--by", "olha", "--json", *where
    )
    assert code == 0
    done = json.loads(out)
    code, out, _ = await command("questionnaire", "show", *where)
    assert (code, out) == (0, OF_THE_SPEC)
    code, out, _ = await command("questionnaire", "show", "--json", *where)
    assert (json.loads(out)["version"], json.loads(out)["by"]) == (done["version"], "olha")


@pytest.mark.parametrize("words", [("check", "none.toml"), ("activate", "none.toml")])
async def test_a_file_that_is_not_there_is_said(words: tuple[str, ...]) -> None:
    code, _, said = await command("questionnaire", *words)
    assert (code, said.splitlines()[-1]) == (
        1,
        "none.toml: No such file or directory; name a file that can be read",
    )
