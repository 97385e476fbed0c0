import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from daemon.cli.check import check
from daemon.cli.plan import plan
from daemon.cli.price import price
from tests.daemon.programme.shops import HEAD, PROGRAMMES

app = typer.Typer()
app.command()(check)
app.command()(price)
app.add_typer(plan, name="plan")
FIRST = str(PROGRAMMES / "first.toml")
NOON = "2026-11-22T12:00:00+02:00"
LINES = [{"line": 1, "sku": "tea", "qty": 1, "unit_price": 10_000}]


def run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.stdout, result.stderr


def figures(*words: str) -> object:
    code, out, _ = run("plan", *words, "--json")
    assert code == 0
    return json.loads(out)


def as_file(folder: Path, name: str, content: object) -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return str(path)


@pytest.mark.parametrize("content", [LINES, {"lines": LINES, "codes": ["X"], "payment": "cash"}])
def test_a_basket_is_priced_without_a_daemon(tmp_path: Path, content: object) -> None:
    goods = as_file(tmp_path, "basket.json", content)
    facts = as_file(tmp_path, "facts.json", {"meter.spend": 30_000, "card.tags": ["student"]})
    code, out, _ = run(
        "price", "--programme", FIRST, "--basket", goods, "--facts", facts, "--now", NOON
    )
    quote = json.loads(out)
    assert code == 0
    assert (quote["total"], quote["now"]) == (9_800, NOON)
    assert quote["earn"][0]["amount"] == 490, "facts about a card mean that a card is shown"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[", "not JSON"),
        ({"codes": []}, "the whole: Object missing required field lines"),
        ([{"line": 1, "sku": "a", "qty": 1.5, "unit_price": 1}], "[0].qty: Expected int | str"),
        ([{"line": 1, "sku": "a", "qty": -1, "unit_price": 1}], "lines[0].qty: -1 is not above 0"),
        ({"lines": LINES, "burn": {"bonus": 5}}, "1023 limit_reached: bonus cannot pay here"),
    ],
)
def test_a_basket_that_cannot_be_priced_ends_with_one(
    tmp_path: Path, content: object, said: str
) -> None:
    goods = as_file(tmp_path, "basket.json", content)
    code, out, err = run("price", "--programme", FIRST, "--basket", goods, "--now", NOON)
    assert (code, out) == (1, "")
    assert said in err


@pytest.mark.parametrize("now", ["yesterday", "2026-11-22T12:00:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_that_says_no_moment_is_a_wrong_use(tmp_path: Path, now: str) -> None:
    goods = as_file(tmp_path, "basket.json", LINES)
    assert run("price", "--programme", FIRST, "--basket", goods, "--now", now)[0] == 2


def test_check_says_what_is_loaded() -> None:
    code, out, _ = run("check", FIRST)
    assert code == 0
    assert out.startswith("first ")
    assert out.endswith(": 3 rules, 0 warnings\n")


def test_check_warns_and_still_ends_well(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "r"\ngive = { percent = 0 }\n'
    code, out, _ = run("check", as_file(tmp_path, "p.toml", HEAD + rule))
    assert code == 0
    assert "warning: rule[0].give: gives 0: the rule can never apply\n" in out


def test_check_names_the_path_of_the_wrong_key(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "r"\ngive = { percent = 5 }\nwhen = { time = "25:00.." }\n'
    code, out, err = run("check", as_file(tmp_path, "p.toml", HEAD + rule))
    assert (code, out) == (1, "")
    assert err.startswith("rule[0].when.time: '25:00' is no time of day; write ")


def test_check_refuses_what_is_no_file(tmp_path: Path) -> None:
    assert run("check", str(tmp_path / "none.toml"))[0] == 1
    (tmp_path / "latin.toml").write_bytes(b"id = '\xe4'")
    assert "is not UTF-8" in run("check", str(tmp_path / "latin.toml"))[2]


def test_the_threshold_by_three_methods() -> None:
    words = ("--old", "400", "--average-now", "1250", "--average-base", "1000")
    made = figures("threshold", *words, "--income-growth", "8")
    assert made == {"absolute": 650, "relative": 500, "income": 432}


def test_a_growth_above_a_hundred_asks_whether_it_is_an_index() -> None:
    words = ("--old", "400", "--average-now", "1250", "--average-base", "1000")
    code, out, err = run("plan", "threshold", *words, "--income-growth", "108")
    assert code == 0
    assert "832.00" in out
    assert "is it an index (8 %)?" in err


def test_the_volume_that_earns_a_thousand_more() -> None:
    words = ("--paid", "40000", "--discount-now", "2", "--markup", "25", "--increase", "1000")
    made = figures("volume", *words, "--discounts", "4,5,6,7")
    assert isinstance(made, dict)
    assert made["now"] == {"at_list": 40816.33, "cost": 32653.06, "margin": 7346.94}
    paid = [row["paid"] for row in made["rows"]]
    assert paid == [50081.63, 52863.95, 56043.73, 59712.72]


def test_the_scale_is_rounded_up() -> None:
    made = figures("scale", "--from", "75000", "--markup", "20", "--discounts", "1,5,10")
    assert made == {
        "rows": [
            {"discount_percent": 1, "from": 79000},
            {"discount_percent": 5, "from": 102000},
            {"discount_percent": 10, "from": 169000},
        ]
    }


def test_what_a_card_saves_is_the_most_it_can_be_sold_for() -> None:
    words = ("--average", "400", "--yearly", "2400", "--discount", "5")
    assert figures("entry", *words) == {
        "purchase_from": 800,
        "purchase_to": 1200,
        "saves_a_year": 120,
    }
    assert "sold below 120.00" in run("plan", "entry", *words)[1]


def test_a_discount_that_eats_the_margin_is_refused() -> None:
    words = ("--from", "75000", "--markup", "20", "--discounts", "16.67")
    code, _, err = run("plan", "scale", *words)
    assert code == 1
    assert err.startswith("--discounts: ")
    assert run("plan", "scale", "--from", "x", "--markup", "20", "--discounts", "1")[0] == 2
