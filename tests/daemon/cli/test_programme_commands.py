import json
from pathlib import Path

import pytest

from daemon.cli.demo_command import in_its_unit
from daemon.programme.programme import load
from tests.daemon.programme.shops import HEAD, PROGRAMMES
from tests.support.commands import tillcard

FIRST = str(PROGRAMMES / "first.toml")
NOON = "2026-11-22T12:00:00+02:00"
LINES = [{"line": 1, "sku": "tea", "qty": 1, "unit_price": 10_000}]


def run(*words: str) -> tuple[int, str, str]:
    result = tillcard(*words)
    return result.exit_code, result.stdout, result.stderr


def figures(*words: str) -> object:
    code, out, _ = run("plan", *words, "--json")
    assert code == 0
    return json.loads(out)


def as_file(folder: Path, name: str, content: object) -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return str(path)


@pytest.mark.parametrize(
    "content",
    [
        LINES,
        {"lines": LINES, "codes": ["X"], "payment": "cash"},
        "\ufeff" + json.dumps(LINES),
    ],
)
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
        ({"codes": []}, "basket.json: lines: is missing"),
        (
            [{"line": 1, "sku": "a", "qty": 1.5, "unit_price": 1}],
            "lines[0].qty: expected a whole number or a text, got a number with a point; write",
        ),
        (5, "the whole: expected a table of keys, got a whole number"),
        ({"lines": LINES, "burn": {"bonus": "5"}}, "burn.bonus: expected a whole number, got a"),
        ({"lines": LINES, "burn": 5}, "1023 limit_reached: bonus cannot pay here"),
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


def test_a_burn_without_a_purse_means_the_one_there_is(tmp_path: Path) -> None:
    facts = as_file(tmp_path, "facts.json", {"purse.bonus": 5_000})
    paid = {}
    for name, burn in (("number", 3_000), ("by purse", {"bonus": 3_000})):
        goods = as_file(tmp_path, "basket.json", {"lines": LINES, "burn": burn})
        words = ("--basket", goods, "--facts", facts, "--now", NOON)
        code, out, _ = run("price", "--programme", FIRST, *words)
        assert code == 0
        paid[name] = json.loads(out)["total"]
    assert paid == {"number": 7_000, "by purse": 7_000}


def test_a_burn_says_from_which_purse_where_there_are_several(tmp_path: Path) -> None:
    goods = as_file(tmp_path, "basket.json", {"lines": LINES, "burn": 5})
    shop = str(PROGRAMMES / "certificate.toml")
    code, _, err = run("price", "--programme", shop, "--basket", goods)
    assert (code, err) == (1, "burn: say from which purse: gift, bonus\n")


def test_a_fact_that_is_none_is_named(tmp_path: Path) -> None:
    goods = as_file(tmp_path, "basket.json", LINES)
    facts = as_file(tmp_path, "facts.json", {"meter.spend": 5, "ask.haggle": 2.5})
    code, _, err = run("price", "--programme", FIRST, "--basket", goods, "--facts", facts)
    assert code == 1
    assert "facts.json: ask.haggle: expected" in err
    assert 'write decimals as a text, such as "2.5"' in err


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ({"meter.spnd": 30_000}, "meter.spnd: the programme has no such meter"),
        ({"purse.bonos": 1}, "purse.bonos: the programme has no such purse"),
        ({"status.vip": True}, "status.vip: the programme has no such status"),
        ({"metr.spend": 30_000}, "metr.spend: no fact begins so; did you mean meter?"),
        ({"paymnt": "cash"}, "paymnt: no fact begins so; did you mean payment?"),
        ({"meter.spend": "abc"}, "meter.spend: expected a whole number"),
        ({"purse.bonus": True}, "purse.bonus: expected a whole number"),
    ],
)
def test_a_fact_that_the_programme_cannot_ask_for_is_named(
    tmp_path: Path, fact: dict[str, object], said: str
) -> None:
    goods = as_file(tmp_path, "basket.json", LINES)
    facts = as_file(tmp_path, "facts.json", fact)
    done = run("price", "--programme", FIRST, "--basket", goods, "--facts", facts)
    assert done == (1, "", f"{facts}: {said}\n")


@pytest.mark.parametrize("now", ["yesterday", "2026-11-22T12:00:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_that_says_no_moment_is_a_wrong_use(tmp_path: Path, now: str) -> None:
    goods = as_file(tmp_path, "basket.json", LINES)
    code, _, err = run("price", "--programme", FIRST, "--basket", goods, "--now", now)
    assert (code, "2026-11-22T10:00+02:00" in err or "a year from 1970" in err) == (2, True)


def test_check_says_what_is_loaded() -> None:
    code, out, _ = run("check", FIRST)
    assert code == 0
    assert out.startswith("first ")
    assert out.endswith(": 3 rules, 0 warnings\n")


def test_check_warns_and_still_ends_well(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "r"\ngive = { percent = 0 }\n'
    code, out, _ = run("check", as_file(tmp_path, "p.toml", HEAD + rule))
    assert code == 0
    assert 'warning: rule[0].give: gives 0: the rule can never apply (rule "r")\n' in out
    code, out, _ = run("check", as_file(tmp_path, "p.toml", HEAD + rule + 'lane = "default"\n'))
    assert out.endswith(": 1 rule, 1 warning\n")


def test_check_warns_of_days_that_are_over(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "xmas"\ngive = { percent = 5 }\nwhen = { date = "2025-12-24" }\n'
    code, out, _ = run("check", as_file(tmp_path, "p.toml", HEAD + rule))
    assert code == 0
    assert "rule[0].when: every day of this date is over" in out
    assert '(rule "xmas")' in out


def test_check_names_the_path_of_the_wrong_key(tmp_path: Path) -> None:
    rule = '[[rule]]\nid = "r"\ngive = { percent = 5 }\nwhen = { time = "25:00.." }\n'
    code, out, err = run("check", as_file(tmp_path, "p.toml", HEAD + rule))
    assert (code, out) == (1, "")
    assert err.startswith("rule[0].when.time: '25:00' is no time of day; write ")
    assert err.endswith('(rule "r")\n')


def test_check_names_the_file_that_is_no_toml_and_its_line(tmp_path: Path) -> None:
    code, _, err = run("check", file := as_file(tmp_path, "README.md", "a = 1\n# good\nHow to\n"))
    assert (code, err.startswith(f"{file}: not TOML: "), "line 3" in err) == (1, True, True), err


def test_check_says_that_it_was_given_the_till_s_settings(tmp_path: Path) -> None:
    settings = as_file(tmp_path, "tillcard.toml", 'programme = "programme.toml"\n')
    said = f"{settings}: this looks like the till's settings; name the programme file\n"
    assert run("check", settings) == (1, "", said)


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


def test_a_method_that_leaves_no_threshold_is_warned_of() -> None:
    words = ("--old", "400", "--average-now", "100", "--average-base", "1000")
    made = figures("threshold", *words, "--income-growth", "8.5")
    assert isinstance(made, dict)
    assert (made["absolute"], made["income"]) == (-500, 434)
    assert made["warnings"] == ["the absolute method leaves no threshold; go by another"]
    assert "warning: the absolute" in run("plan", "threshold", *words, "--income-growth", "8.5")[2]
    fallen = run("plan", "threshold", *words, "--income-growth", "-100.5")[2]
    assert "the income method leaves no threshold" in fallen


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
    assert err == "--discounts: 16.67 % is not from 0 to below 16.66 %, the margin\n"
    assert run("plan", "scale", "--from", "x", "--markup", "20", "--discounts", "1")[0] == 2


@pytest.mark.parametrize(("code", "saves"), [("UAH", "120.03"), ("JPY", "120"), ("KWD", "120.025")])
def test_a_calculator_shows_amounts_with_the_digits_of_their_currency(
    code: str, saves: str
) -> None:
    words = ("--average", "400", "--yearly", "2400.5", "--discount", "5", "--currency", code)
    assert f"sold below {saves}," in run("plan", "entry", *words)[1]
    assert f'"saves_a_year": {saves}\n' in run("plan", "entry", *words, "--json")[1]


SCALE = ("plan", "scale", "--from", "75000", "--markup", "20")
ENTRY = ("plan", "entry", "--average", "400", "--yearly", "2400")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*SCALE, "--discounts", "5", "--round", "0"), "--round: 0 is not above 0"),
        ((*SCALE[:2], "--from", "-1", "--markup", "20", "--discounts", "5"), "--from: -1 is not"),
        ((*SCALE, "--discounts", "4,,5"), "'--discounts': '4,,5' has an empty place"),
        ((*SCALE, "--discounts", "4,x"), "'--discounts': 'x' is no number"),
        ((*ENTRY, "--discount", "105"), "--discount: 105 % is above 100 %"),
        ((*ENTRY, "--discount", "5", "--currency", "UHA"), "'UHA' is no currency; write its three"),
        ((*ENTRY, "--discount", "0.001"), "'--discount': '0.001' is no number"),
    ],
)
def test_a_figure_that_cannot_be_used_is_named_by_its_option(
    words: tuple[str, ...], said: str
) -> None:
    code, out, err = run(*words)
    assert (code > 0, out) == (True, "")
    assert said in " ".join(err.split())


def test_every_calculator_says_what_its_figures_are() -> None:
    assert "Amounts are in currency units" in " ".join(run("plan", "--help")[1].split())
    for name, figures in (
        ("threshold", ["An average receipt now.", "8, not the index 108."]),
        ("volume", ["How much more the shop wants to earn"]),
        ("scale", ["The sum at shelf prices", "usual markup on cost"]),
        ("entry", ["The discount that the card gives."]),
    ):
        said = " ".join(run("plan", name, "--help")[1].replace("│", "").split())
        assert "NUMBER" not in said
        assert [text for text in figures if text not in said] == []


def test_the_demo_counts_points_in_their_own_unit() -> None:
    stars = '[[purse]]\nid = "star"\nunit = "star"\nworth = 10\n'
    money = '[[purse]]\nid = "bonus"\nunit = "UAH"\n'
    programme = load(HEAD + stars + money)
    shown = [in_its_unit(programme, purse, 770) for purse in ("star", "bonus", "bonus:owed")]
    assert shown == ["770 star", "7.70", "7.70"]


@pytest.mark.parametrize("which", ["--basket", "--facts"])
def test_json_that_is_nested_too_deeply_is_said_so(tmp_path: Path, which: str) -> None:
    files = {"--basket": as_file(tmp_path, "basket.json", LINES)}
    files[which] = as_file(tmp_path, "deep.json", "[" * 100_000)
    words = [word for pair in files.items() for word in pair]
    code, _, err = run("price", "--programme", FIRST, "--now", NOON, *words)
    assert (code, "deep.json: not JSON" in err) == (1, True), err
