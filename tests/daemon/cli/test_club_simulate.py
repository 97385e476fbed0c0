"""``tillcard club simulate``: the sample of the documents, worked through by hand."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.commands import tillcard

SAMPLE = Path(__file__).parents[3] / "docs/club-simulation.json"
EXPECTED = """
2026-09-01 outside   2026-09-01 2026-09-30 200000 -
2026-09-13 outside   2026-09-01 2026-09-30 450000 -
2026-09-30 candidate 2026-09-01 2026-09-30 510000 join
2026-09-30 candidate 2026-09-01 2026-09-30 510000 join
2026-10-01 member    2026-10-01 2026-11-29      0 -
2026-10-20 member    2026-10-01 2026-11-29 175000 -
2026-11-02 member    2026-10-01 2026-11-29 155000 -
2026-11-29 member    2026-10-01 2026-11-29 155000 -
2026-11-30 lapsing   2026-11-30 2027-01-28      0 exclude
2026-12-05 lapsing   2026-11-30 2027-01-28  30000 exclude
2026-12-06 outside   -          -               0 -
"""
SETTINGS = {"enter": {"at_least": 500_000, "within": "30d"}}
SALE = {"at": "2026-09-01", "sale": 1}


def steps_of(output: str) -> list[list[str]]:
    steps: list[dict[str, Any]] = msgspec.json.decode(output)["steps"]
    names = ("at", "state", "window_from", "window_to", "total", "list")
    return [[str(step[name] or "-" if name != "total" else step[name]) for name in names]
            for step in steps]  # fmt: skip


def played(tmp_path: Path, **simulation: Any) -> Any:
    file = tmp_path / "s.json"
    file.write_bytes(msgspec.json.encode({"status": SETTINGS} | simulation))
    return tillcard("club", "simulate", str(file), "--json")


def test_the_sample_plays_as_it_was_worked_out() -> None:
    result = tillcard("club", "simulate", str(SAMPLE), "--json")
    assert result.exit_code == 0, result.output
    assert steps_of(result.output) == [line.split() for line in EXPECTED.strip().splitlines()]
    steps = msgspec.json.decode(result.output)["steps"]
    assert steps[6]["event"] == {"at": "2026-11-02", "return": 20_000, "of": "2026-10-20"}
    assert steps[3]["event"] is None, "asked for"


def test_without_json_each_step_is_a_line() -> None:
    shown = tillcard("club", "simulate", str(SAMPLE)).output
    for word in ("return 20000 of", "granted", "refused", "asked", "lapsing", "exclude"):
        assert word in " ".join(shown.split()), shown


def test_the_programme_decides_where_it_does(tmp_path: Path) -> None:
    events = [{"at": "2026-09-01", "sale": 500_000}]
    result = played(tmp_path, status=SETTINGS | {"decide": "auto"}, events=events)
    assert steps_of(result.output) == [["2026-09-01", "member", "-", "-", "0", "-"]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"events": [SALE, SALE | {"at": "2026-08-31"}]}, "events[1].at: 2026-08-31 is before"),
        ({"events": [{"at": "2026-09-01"}]}, "an event is one of sale, return and grant"),
        ({"events": [SALE | {"grant": True}]}, "an event is one of"),
        ({"events": [{"at": "2026-09-01", "return": 1}]}, "of which day's purchase"),
        ({"events": [SALE | {"of": "2026-09-01"}]}, "of which day's purchase"),
        ({"events": [{"at": "2026-09-01", "return": 1, "of": "2026-09-02"}]}, "bought before"),
        ({"events": [SALE | {"sale": 0}]}, "$.events[0].sale"),
        ({"ask": ["yesterday"]}, "$.ask[0]"),
        ({"asks": []}, "asks"),
        ({"status": {"enter": {"at_least": 1, "within": "1 month"}}}, "status.enter.within"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_place(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    result = played(tmp_path, **wrong)
    assert result.exit_code == 1
    assert said in result.output


def test_a_file_that_is_not_there_or_no_json_is_said(tmp_path: Path) -> None:
    assert "No such file" in tillcard("club", "simulate", str(tmp_path / "none")).output
    (tmp_path / "s.json").write_text("{", "utf-8")
    result = tillcard("club", "simulate", str(tmp_path / "s.json"))
    assert (result.exit_code, "s.json" in result.output) == (1, True)
