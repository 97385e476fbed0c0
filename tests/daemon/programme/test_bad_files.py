"""What cannot be loaded is refused with the path of the wrong key and what to write instead."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.text_limits import CODE_CHARS_MAX
from daemon.programme.basket import LINES_MAX
from daemon.programme.checks import check
from daemon.programme.conditions.registry import NESTING_MAX
from daemon.programme.errors import ProgrammeError
from daemon.programme.file import PROGRAMME_BYTES_MAX, RULES_MAX
from daemon.programme.goods import CODES_MAX
from daemon.programme.numbers.steps import STEPS_MAX
from daemon.programme.price import WHY_NOT_MAX
from daemon.programme.programme import load
from tests.daemon.programme.shops import HEAD, PROGRAMMES, shop

PAGE = (PROGRAMMES.parent / "programme.md").read_text("utf-8")
R = '[[rule]]\nid = "r"\n'
FIVE = "give = { percent = 5 }\n"
PURSE = '[[purse]]\nid = "bonus"\nunit = "UAH"\n'
POINTS = '[[purse]]\nid = "points"\nunit = "point"\n'
CUPS = '[[purse]]\nid = "cups"\nunit = "cup"\nmay_go_negative = "never"\n'
EARNS = 'give = { earn = "cups", each = 1 }\n'
BURNS = '[[rule]]\nid = "b"\ngive = { burn = "cups" }\n'
METER = '[[meter]]\nid = "spend"\nof = "paid"\n'
BAD = [
    ("[", "programme", "not TOML"),
    ("[programme]", "programme.id", "is missing"),
    (HEAD + "colour = 1", "programme.colour", "there is no such key; write one of id, currency"),
    (HEAD.replace("tz", "timezone"), "programme.timezone", "did you mean tz?"),
    (HEAD.replace("tz", "zone"), "programme.zone", "write one of id"),
    (HEAD.replace("Kyiv", "Atlantis"), "programme.tz", "is no time zone"),
    (HEAD.replace("UAH", "hryvnia"), "programme.currency", "is no currency"),
    (HEAD.replace("UAH", "UHA"), "programme.currency", "write its three letters, as UAH"),
    (HEAD.replace("UAH", "uah"), "programme.currency", "is no currency"),
    (HEAD.replace("test", "a b"), "programme.id", "is no name"),
    (HEAD + 'round = "up"', "programme.round", "'up' is not one of 'basket', 'line'"),
    (HEAD + "[[rules]]", "rules", "did you mean rule?"),
    (HEAD + '[[lane]]\nid = "a"\n' * 2, "lane[1].id", "'a' is taken"),
    (HEAD + '[[lane]]\nid = "a"\nbase = "gross"', "lane[0].base", "not one of 'net', 'list'"),
    (
        HEAD + R + FIVE + 'limit = { per_card = 1, per = "occasion" }',
        "rule[0].limit.per",
        "needs the condition near",
    ),
    (
        HEAD
        + R
        + FIVE
        + 'limit = { per_card = 1, per = "occasion" }\n'
        + 'when = { not = { near = { of = "birthday", from = 0, to = 0 } } }',
        "rule[0].limit.per",
        "needs the condition near",
    ),
    (HEAD + R + FIVE + "when = { has = {} }", "rule[0].when.has", "is empty"),
    (HEAD + R + FIVE + "when = { has = 3 }", "rule[0].when.has", "expected a table of keys"),
    (HEAD + R + FIVE + 'when = { has = { skuu = "a" } }', "rule[0].when.has.skuu", "mean sku?"),
    (HEAD + R + FIVE + "when = { has = { units = {} } }", "rule[0].when.has.units", "at_least"),
    (
        HEAD + R + FIVE + "when = { not = { has = { sku = [] } } }",
        "rule[0].when.not.has.sku",
        "empty",
    ),
    (HEAD + R + "give = { percnt = 5 }", "rule[0].give.percnt", "did you mean percent?"),
    (HEAD + R + "give = {}", "rule[0].give", "says no size"),
    (HEAD + R + "give = { percent = 5, amount = 3 }", "rule[0].give.amount", "make two rules"),
    (HEAD + R + "give = { percent = 101 }", "rule[0].give.percent", "101 % is not from 0 to 100"),
    (HEAD + R + "give = { percent = -1 }", "rule[0].give.percent", "-1 % is not from 0 to 100"),
    (HEAD + R + "give = { percent = 1.005 }", "rule[0].give.percent", "1.005 is no percentage"),
    (HEAD + R + "give = { percent = inf }", "rule[0].give.percent", "is no percentage"),
    (HEAD + R + "give = { percent = true }", "rule[0].give.percent", "is no percentage"),
    (HEAD + R + "give = { amount = 1.5 }", "rule[0].give.amount", "write minor units"),
    (HEAD + R + "give = { amount = -5 }", "rule[0].give.amount", "-5 is not from 0"),
    (HEAD + R + "give = { percent = { bye = 1 } }", "rule[0].give.percent", "is no number"),
    (
        HEAD + R + 'give = { percent = { by = "meter.x", steps = [[1, 2]] } }',
        "rule[0].give.percent.by",
        "there is no meter 'x'; no meter is declared",
    ),
    (
        HEAD + R + 'give = { percent = { by = "payment", steps = [[1, 2]] } }',
        "rule[0].give.percent.by",
        "counts nothing",
    ),
    (
        HEAD + R + 'give = { percent = { by = "basket.total", steps = [[9, 2], [9, 3]] } }',
        "rule[0].give.percent.steps[1]",
        "9 is not above 9; write the steps from small to large",
    ),
    (
        HEAD + R + 'give = { percent = { by = "basket.total", steps = [[9, 200]] } }',
        "rule[0].give.percent.steps[0][1]",
        "200 % is not from 0 to 100",
    ),
    (
        HEAD + R + 'give = { percent = { by = "basket.total", steps = [] } }',
        "rule[0].give.percent.steps",
        "write 1 to 100 steps",
    ),
    (
        HEAD + R + 'give = { percent = { from = 30, step = -1, since = "2026-02-30" } }',
        "rule[0].give.percent.since",
        "is no day",
    ),
    (
        HEAD + R + 'give = { earn = "bonus", percent = 5 }',
        "rule[0].give.earn",
        "there is no purse 'bonus'; no purse is declared",
    ),
    (
        HEAD + POINTS + R + 'give = { earn = "points", percent = 5 }',
        "rule[0].give.percent",
        "the purse points has no worth",
    ),
    (
        HEAD + PURSE + R + 'lane = "x"\ngive = { earn = "bonus", percent = 5 }',
        "rule[0].lane",
        "is for discounts only",
    ),
    (
        HEAD + PURSE + R + 'give = { burn = "bonus", percent = 5 }',
        "rule[0].give.percent",
        "does not go with burn; it has burn, cost, max",
    ),
    (
        HEAD + PURSE + R + 'give = { earn = "bonus", percent = 5, hold = "9d", expire = "9d" }',
        "rule[0].give.expire",
        "within the hold of 9d",
    ),
    (HEAD + R + FIVE + 'lane = "x"', "rule[0].lane", "there is no lane 'x'; there is: default"),
    (HEAD + R + FIVE + 'exclusive = "some"', "rule[0].exclusive", "'all'"),
    (HEAD + R + FIVE + "limit = {}", "rule[0].limit", "limits nothing"),
    (HEAD + R + FIVE + "limit = { total = -1 }", "rule[0].limit.total", "is below 0"),
    (HEAD + R + FIVE + "limit = { per_code = 1 }", "rule[0].limit.per_code", "needs the condition"),
    (HEAD + CUPS + R + "give = { burn = 'cups', cost = 0 }", "rule[0].give.cost", "from 1"),
    (HEAD + PURSE + R + "give = { burn = 'bonus', cost = 9 }", "rule[0].give.cost", "counts goods"),
    (HEAD + R + "give = { free = {} }", "rule[0].give.free.every", "is missing"),
    (HEAD + R + "give = { free = { every = 1 } }", "rule[0].give.free.every", "from 2 to"),
    (HEAD + R + "give = { free = { every = 9, off = 1 } }", "rule[0].give.free.off", "mean of?"),
    (HEAD + R + "give = { free = { every = '9' } }", "rule[0].give.free.every", "whole number"),
    (
        HEAD + R + "give = { free = { every = 9, of = { sku = [] } } }",
        "rule[0].give.free.of.sku",
        "the list is empty",
    ),
    (
        HEAD + R + "scope = { sku = 'a' }\ngive = { free = { every = 9 } }",
        "rule[0].scope",
        "does not go with free; write its goods as of",
    ),
    (HEAD + R + "give = { free = { every = 9 }, percent = 5 }", "rule[0].give.free", "does not go"),
    (HEAD + R + FIVE + "scope = { not = {} }", "rule[0].scope.not", "is empty"),
    (HEAD + R + FIVE + "scope = { not = { x = 1 } }", "rule[0].scope.not.x", "no such key"),
    (HEAD + R + FIVE + "scope = { sku = [] }", "rule[0].scope.sku", "the list is empty"),
    (HEAD + R + FIVE + "scope = { group = 0 }", "rule[0].scope.group", "write 1 or more"),
    (HEAD + R + FIVE + 'scope = { launched = "2w" }', "rule[0].scope.launched", "such as 30d"),
    (
        HEAD + R + FIVE + "scope = { price = { at_least = 9, below = 9 } }",
        "rule[0].scope.price",
        "no price is from 0.09 to 0.08",
    ),
    (HEAD + R + FIVE + 'when = { weather = "rain" }', "rule[0].when.weather", "is no condition"),
    (HEAD + R + FIVE + "when = { meter = { x = 1 } }", "rule[0].when.meter.x", "no meter 'x'"),
    (HEAD + R + FIVE + "when = { status = { x = true } }", "rule[0].when.status.x", "no status"),
    (HEAD + R + FIVE + 'when = { date = "2026-02-30" }', "rule[0].when.date", "does not exist"),
    (HEAD + R + FIVE + "when = { date = 2026-02-30 }", "programme", "not TOML"),
    (HEAD + R + FIVE + 'when = { date = "02-30" }', "rule[0].when.date", "does not exist"),
    (HEAD + R + FIVE + 'when = { date = "2027-02-29" }', "rule[0].when.date", "does not exist"),
    (
        HEAD + R + FIVE + 'when = { date = "2026-12-31..2026-12-01" }',
        "rule[0].when.date",
        "write the earlier date first",
    ),
    (HEAD + R + FIVE + 'when = { time = "12:00" }', "rule[0].when.time", "is no span of the day"),
    (HEAD + R + FIVE + 'when = { time = "..24:01" }', "rule[0].when.time", "is no time of day"),
    (HEAD + R + FIVE + 'when = { weekday = "monday" }', "rule[0].when.weekday", "is no weekday"),
    (HEAD + R + FIVE + "when = { mday = 32 }", "rule[0].when.mday", "is no day of the month"),
    (
        HEAD + R + FIVE + "when = { basket = { total = { atleast = 5 } } }",
        "rule[0].when.basket.total.atleast",
        "is no condition",
    ),
    (
        HEAD + R + FIVE + 'when = { "basket.total" = { atleast = 5 } }',
        "rule[0].when.basket.total.atleast",
        "there is no such key; write one of above, at_least, at_most, below",
    ),
    (HEAD + R + FIVE + "when = { any = {} }", "rule[0].when.any", "write a list of tables"),
    (
        HEAD + R + FIVE + 'when = { any = [{ time = "9" }] }',
        "rule[0].when.any[0].time",
        "is no time of day",
    ),
    (HEAD + R + FIVE + "when = { near = { of = 1 } }", "rule[0].when.near", "write such as"),
    (
        HEAD + R + FIVE + "when = " + "{ not = " * 12 + "{}" + " }" * 12,
        "rule[0].when" + ".not" * 9,
        "",
    ),
    (HEAD + "[[cap]]\npercent = 101", "cap[0].percent", "101 % is not from 0 to 100"),
    (HEAD + '[[calendar]]\nid = "c"\ndates = ["x"]', "calendar[0].dates[0]", "is no date"),
    (HEAD + METER.replace("paid", "gross"), "meter[0].of", "'visits'"),
    (HEAD + METER + 'window = "2 weeks"', "meter[0].window", "write life, 30d, month"),
    (HEAD + METER + 'window = "since:x"', "meter[0].window", "there is no status 'x'"),
    (HEAD + PURSE + "worth = 5", "purse[0].worth", "is worth itself"),
    (HEAD + POINTS + "worth = 0", "purse[0].worth", "leave it out where a unit pays for a unit"),
    (HEAD + POINTS + "credit_limit = -1", "purse[0].credit_limit", "is below 0"),
    (HEAD + PURSE + 'where = "chip"\nhold = "3d"', "purse[0].hold", "leave it out"),
    (
        HEAD + PURSE + 'where = "chip"\n' + POINTS + 'where = "chip"',
        "purse[1].where",
        "room for one",
    ),
    (
        HEAD + '[[status]]\nid = "s"\nof = "m"\nenter = { at_least = 1, within = "1d" }',
        "status[0].of",
        "there is no meter 'm'",
    ),
    (
        HEAD + '[[status]]\nid = "s"\nof = "m"\nenter = { at_least = 1, within = 30 }',
        "status[0].enter.within",
        'expected a text, got a whole number; write such as "30d"',
    ),
]


@pytest.mark.parametrize(("text", "path", "message"), BAD, ids=[str(row[1]) for row in BAD])
def test_a_wrong_key_is_named_by_its_path(text: str, path: str, message: str) -> None:
    with pytest.raises(ProgrammeError) as refused:
        load(text)
    assert refused.value.path == path
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (R + "give = { percent = 101 }", ' (rule "r")'),
        (R + "give = { percnt = 5 }", ' (rule "r")'),
        (R + FIVE + 'when = { date = "02-30" }', ' (rule "r")'),
        (POINTS + "worth = 0", ' (purse "points")'),
        (METER + "window = 5", ' (meter "spend")'),
        ("[[cap]]\npercent = 101", "write one within"),
        ('[[rule]]\nid = ""\n' + FIVE, "and _"),
    ],
)
def test_a_path_with_a_number_names_the_table_by_its_id_too(text: str, named: str) -> None:
    with pytest.raises(ProgrammeError) as refused:
        shop(text)
    assert refused.value.message.endswith(named)


def test_a_table_that_is_none_has_no_name_to_tell() -> None:
    with pytest.raises(ProgrammeError, match=r"rule\[0\]: expected a table of keys") as refused:
        load("rule = [5]\n" + HEAD)
    assert refused.value.message.endswith("got a whole number")


def test_statuses_that_hang_on_each_other_are_a_loop() -> None:
    text = ""
    for one, other in (("a", "b"), ("b", "a")):
        text += f'[[meter]]\nid = "{one}m"\nof = "paid"\nwindow = "since:{other}"\n'
        text += f'[[status]]\nid = "{one}"\nof = "{one}m"\n'
        text += 'enter = { at_least = 1, within = "1d" }\n'
    with pytest.raises(ProgrammeError) as refused:
        shop(text)
    assert refused.value.path == "status[0].of"
    assert "a -> b -> a" in refused.value.message


def test_the_file_and_its_rules_have_limits() -> None:
    text = HEAD + "#" + "ї" * ((PROGRAMME_BYTES_MAX - len(HEAD) - 1) // 2)
    assert load(text).id == "test"
    with pytest.raises(ProgrammeError, match="at most 128000 are read"):
        load(text + "ї")
    rule = '[[rule]]\nid = "r{}"\ngive.percent = 1\n'
    assert len(load(HEAD + "".join(rule.format(i) for i in range(RULES_MAX))).rules) == RULES_MAX
    with pytest.raises(ProgrammeError, match="more than 2000 rules"):
        load(HEAD + "".join(rule.format(i) for i in range(RULES_MAX + 1)))
    with pytest.raises(ProgrammeError):
        load(HEAD + "x = " + "[" * 5_000)


@pytest.mark.parametrize(
    ("shown", "limit"),
    [
        ("| file | 128,000 bytes", PROGRAMME_BYTES_MAX),
        (" 2,000 rules", RULES_MAX),
        (" 100 steps a table", STEPS_MAX),
        ("conditions 8 deep", NESTING_MAX),
        ("| basket | 1,000 lines", LINES_MAX),
        ("| codes | 50 in a basket", CODES_MAX),
        (" 200 letters each", CODE_CHARS_MAX),
        ("| `why_not` | 200", WHY_NOT_MAX),
    ],
)
def test_the_page_says_the_limits_that_hold(shown: str, limit: int) -> None:
    assert shown in PAGE
    assert f"{limit:,}" in shown


def nested(opening: str, depth: int) -> str:
    return opening * depth + 'sku = "x"' + " }" * depth


BEYOND = [
    ("id", f'id = "{"x" * 65}"\ngive.percent = 1'),
    ("give.percent.steps", "give.percent = { by = 'basket.qty', steps = [[1, 1]] }"),
    ("give.amount", "give.amount = 1000000000001"),
    ("when.near", 'give.percent = 1\nwhen = { near = { of = "birthday", from = 0, to = 181 } }'),
    ("scope.launched", 'give.percent = 1\nscope.launched = "36501d"'),
    ("scope" + ".not" * 9, "give.percent = 1\nscope = { " + nested("not = { ", 9) + " }"),
]


@pytest.mark.parametrize(("key", "text"), BEYOND, ids=[row[0] for row in BEYOND])
def test_every_limit_is_met_and_not_passed(key: str, text: str) -> None:
    if key == "give.percent.steps":
        rows = ", ".join(f"[{i}, 1]" for i in range(101))
        most = text.replace("[1, 1]", rows[: rows.rindex(", [")])
        assert shop("[[rule]]\nid = 'r'\n" + most).rules
        text = text.replace("[1, 1]", rows)
    named = "" if key == "id" else 'id = "r"\n'
    with pytest.raises(ProgrammeError) as refused:
        shop(f"[[rule]]\n{named}{text}\n")
    assert refused.value.path == f"rule[0].{key}"


@given(st.text())
def test_any_text_is_a_programme_or_an_error_of_ours(text: str) -> None:
    with pytest.raises(ProgrammeError):
        load(text)


WORDS = st.sampled_from(
    [
        '"x"',
        "0",
        "-1",
        "5",
        "1.5",
        "true",
        "[]",
        "{}",
        "2026-02-28",
        '"..12:00"',
        '"1d"',
        "[[1, 2]]",
    ]
)
KEYWORDS = """id give when scope limit percent amount each price earn burn by steps max any not
near of from step since min time date weekday mday now codes meter.x basket.total n group per"""
KEYS = st.sampled_from(KEYWORDS.split())
VALUES = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.dictionaries(KEYS, inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{k} = {v}" for k, v in table.items()) + "}"
        ),
        st.lists(inner, max_size=2).map(lambda items: "[" + ", ".join(items) + "]"),
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(("give", "when", "scope", "limit")), VALUES, min_size=1))
def test_any_rule_is_compiled_or_refused_with_a_path(tables: dict[str, str]) -> None:
    text = HEAD + R + "".join(f"{key} = {value}\n" for key, value in tables.items())
    refused = None
    try:
        load(text)
    except ProgrammeError as error:
        refused = error
    assert refused is None or refused.path.startswith("rule[0]") or "TOML" in refused.message


def test_the_version_follows_what_the_file_says_and_not_how() -> None:
    text = (PROGRAMMES / "first.toml").read_text("utf-8")
    version = load(text).version
    assert load("# a remark\n" + text.replace(" = ", "=")).version == version
    assert load(text.replace("percent = 5 ", "percent = 6 ")).version != version


TODAY = date(2026, 11, 22)
DOUBTS = [
    (R + "give = { percent = 0 }", "rule[0].give", "gives 0"),
    (R + FIVE, "rule[0].lane", "names no lane; it runs in default"),
    (R + FIVE + "limit = { total = 0 }", "rule[0].limit.total", "is 0"),
    (R + "give = { price = 5 }", "rule[0].give.price", "a price without a condition"),
    (R + "give = { percent = 100 }", "rule[0].give.percent", "below any cost"),
    (R + "give = { percent = 5, max = 0 }", "rule[0].give.max", "is 0"),
    (
        R + FIVE + "when = { basket = { qty = { at_least = 5, below = 5 } } }",
        "rule[0].when.basket.qty",
        "no number fits",
    ),
    (
        R
        + FIVE
        + 'limit = { per_card = 1, per = "year" }\n'
        + 'when = { near = { of = "birthday", from = -3, to = 3 } }',
        "rule[0].limit.per",
        "are in two years",
    ),
    (
        R + FIVE + 'when = { has = { sku = "a", units = { above = 3, below = 4 } } }',
        "rule[0].when.has",
        "no number fits",
    ),
    (
        R + FIVE + 'when = { has = { sku = "a", not = { sku = "a" } } }',
        "rule[0].when.has",
        "leaves out all that it names",
    ),
    (
        R + FIVE + 'when = { has = { sku = "a", total = { at_least = 0 } } }',
        "rule[0].when.has",
        "holds for every basket",
    ),
    (
        R + FIVE + 'when = { date = 2026-12-24, weekday = "mon" }',
        "rule[0].when",
        "no day has this date and weekday",
    ),
    (
        R + FIVE + 'when = { date = "..2020-01-31", not = { date = "..2020-02-01" } }',
        "rule[0].when",
        "no day has this date and not",
    ),
    (
        R + FIVE + 'scope = { sku = "tea", not = { sku = ["tea", "jam"] } }',
        "rule[0].scope",
        "leaves out all that it names",
    ),
    (
        R + FIVE + 'when = { date = "2026-11-01..2026-11-21" }',
        "rule[0].when",
        'every day of this date is over: the rule can never apply any more (rule "r")',
    ),
    (
        R + FIVE + 'when = { date = ["2025-01-07", "2026-11-20"], weekday = "fri" }',
        "rule[0].when",
        "every day of this date and weekday is over",
    ),
    (
        '[[purse]]\nid = "gift"\nunit = "UAH"\n' + R + 'give = { earn = "gift", percent = 100 }',
        "rule[0].give.earn",
        'may_go_negative = "never" in the purse gift',
    ),
    (
        '[[purse]]\nid = "cups"\nunit = "cup"\n' + R + 'give = { earn = "cups", each = 10 }',
        "rule[0].give.earn",
        'may_go_negative = "never" in the purse cups',
    ),
    (CUPS + R + EARNS + BURNS, "rule[0].give.each", "each piece earns what pays for one"),
    (
        CUPS
        + R
        + EARNS.replace("1", "10")
        + BURNS.replace("}", ", cost = 10 }")
        + 'scope = { category = "coffee" }',
        "rule[0].give.each",
        "write cost where it is burned, or give free",
    ),
    ("[[cap]]\npercent = 100", "cap[0].percent", "caps nothing"),
    ("markup = 25\n" + R + "give = { percent = 20.01 }", "rule[0].give.percent", "is below cost"),
]


@pytest.mark.parametrize(("rest", "path", "message"), DOUBTS)
def test_what_is_allowed_and_doubtful_is_a_warning(rest: str, path: str, message: str) -> None:
    (found,) = [warning for warning in check(shop(rest), TODAY) if message in warning.message]
    assert found.path == path


@pytest.mark.parametrize(
    "rest",
    [
        CUPS + R + EARNS + BURNS.replace("}", ", cost = 10 }"),
        CUPS + R + EARNS.replace("}", ', to = "partner" }') + BURNS,
        CUPS + R + EARNS + 'scope = { sku = "mug" }\n' + BURNS + 'scope = { sku = "cup" }',
        "markup = 25\n" + R + 'lane = "a"\ngive = { percent = 20 }\n[[lane]]\nid = "a"\n',
        R + FIVE + 'lane = "a"\nwhen = { date = "02-29", weekday = "sat" }\n[[lane]]\nid = "a"\n',
        R + FIVE + 'lane = "a"\nwhen = { date = "..2026-11-22" }\n[[lane]]\nid = "a"\n',
        R + FIVE + 'lane = "a"\nwhen = { date = "01-07" }\n[[lane]]\nid = "a"\n',
    ],
)
def test_what_can_happen_is_no_doubt(rest: str) -> None:
    assert check(shop(rest), TODAY) == []
