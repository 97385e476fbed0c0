"""``tillcard cards batch`` at a running till: progress, files, and what is wrong in them."""

import asyncio
import csv
import json
from pathlib import Path

from typer.testing import Result

from tests.stores.test_card_batches import printed
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PATIENCE_S, Pos, audited, lay_out, open_till


async def run(home: Path, *words: str | Path) -> Result:
    """Run the command at a till of ``home``."""
    said = ("cards", "batch", *map(str, words), "--socket", str(home / "pos.sock"))
    async with open_till(home, HandClock()), asyncio.timeout(PATIENCE_S):
        return await asyncio.to_thread(tillcard, *said)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


async def test_cards_are_made_and_written_down_with_what_each_has_cost(tmp_path: Path) -> None:
    lay_out(tmp_path)
    out = tmp_path / "cards.csv"
    paid = ("--total-cost", "10.00", "--vat", "20", "--book", "10", "--supplier", "Print Ltd")
    result = await run(tmp_path, "--count", "3", "--kind", "plastic", *paid, "--out", out)
    assert (result.exit_code, result.stdout) == (
        0,
        "B-2026-0001: 3 cards of kind plastic in stock.\n",
    )
    assert [row["cost"] for row in rows(out)] == ["3.33", "3.33", "3.34"]
    assert out.stat().st_mode & 0o777 == 0o600
    result = await run(tmp_path, "--count", "3", "--kind", "plastic", "--out", out)
    assert (result.exit_code, "is there already" in result.stderr) == (1, True)
    result = await run(tmp_path, "--count", "2", "--kind", "gift", "--json")
    shown = json.loads(result.stdout)
    assert (shown["batch"], shown["made"], shown["kind"]) == ("B-2026-0002", 2, "gift")
    assert audited(tmp_path).findings == ()


async def test_a_printer_s_file_becomes_cards_in_its_order(tmp_path: Path) -> None:
    lay_out(tmp_path)
    file, out = tmp_path / "numbers.txt", tmp_path / "cards.csv"
    numbers = [printed(n) for n in range(1_200)]
    file.write_bytes(b"\xef\xbb\xbf" + "".join(f"{n}\r\n" for n in numbers).encode() + b"\r\n")
    wrong = await run(tmp_path, "--count", "7", "--kind", "plastic", "--numbers", file)
    assert (wrong.exit_code, "has 1200 numbers, not 7" in wrong.stderr) == (1, True)
    result = await run(tmp_path, "--kind", "plastic", "--numbers", file, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert [row["number"] for row in rows(out)] == numbers


async def test_a_wrong_line_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    lay_out(tmp_path)
    file = tmp_path / "numbers.txt"
    numbers = [printed(n) for n in range(1_200)]
    numbers[1_150] = numbers[3]
    file.write_text("\n".join(numbers), "utf-8")
    result = await run(tmp_path, "--kind", "plastic", "--numbers", file)
    assert result.exit_code == 1
    assert f"Nothing was made. Line 1151: {numbers[3]} stands in line 4 already" in result.stderr
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        issued = await pos.call("card.issue", request_id="i1", number=numbers[3])
        assert issued["state"] == "active"


async def test_what_cannot_be_meant_is_said_before_anything_is_made(tmp_path: Path) -> None:
    lay_out(tmp_path)
    for words, said in (
        (("--kind", "plastic"), "say how many, or name a file"),
        (("--kind", "plastic", "--count", "1", "--total-cost", "10"), "is no amount in UAH"),
        (("--kind", "plastic", "--count", "1", "--vat", "a"), "is no percentage"),
        (("--kind", "plastic", "--numbers", str(tmp_path / "no")), "No such file"),
    ):
        result = await run(tmp_path, *words)
        assert result.exit_code != 0
        assert said in " ".join(result.stderr.replace("│", " ").split()), result.stderr
