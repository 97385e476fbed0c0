"""How long a quote takes: 20 lines x 100 rules, and 1,000 rules whose scopes differ.

Limits: p50 <= 1 ms, p99 <= 5 ms; 1,000 rules <= 2 x of 100.
"""

import gc
import time
from datetime import UTC, datetime

from daemon.programme.basket import Basket, BasketLine, Fact, Facts
from daemon.programme.price import price
from daemon.programme.programme import Programme, load

ROUNDS = 2_000
LINES = 20
GROUPS = 10
HEAD = """[programme]
id = "bench"
currency = "UAH"
tz = "Europe/Kyiv"
[[lane]]
id = "goods"
[[lane]]
id = "card"
combine = "best"
[[lane]]
id = "extra"
combine = "sum"
base = "list"
[[meter]]
id = "spend"
of = "paid"
[[meter]]
id = "visits"
of = "visits"
[[purse]]
id = "bonus"
unit = "UAH"
[[rule]]
id = "cashback"
give = { earn = "bonus", percent = 5 }
[[rule]]
id = "burn"
give = { burn = "bonus", max_percent = 30 }
[[cap]]
scope = { category = "c3" }
percent = 3
"""
STEPS = '{ by = "meter.spend", steps = [[30000, 2], [70000, 5], [150000, 7]] }'
RULES = [
    'lane = "goods"\nscope = {{ sku = "s{i}" }}\ngive = {{ percent = 10 }}',
    'lane = "goods"\nscope = {{ category = "c{g}" }}\nwhen = {{ time = "08:00..20:00" }}\n'
    "give = {{ percent = 4 }}",
    'lane = "goods"\nscope = {{ category = "c{g}", pick = "cheapest", group = 3 }}\n'
    "give = {{ percent = 50 }}",
    'lane = "card"\nscope = {{ not = {{ category = "c{g}" }} }}\ngive = {{ percent = ' + "STEPS }}",
    'lane = "card"\nwhen = {{ codes = "CODE{i}" }}\ngive = {{ percent = 8 }}',
    'lane = "card"\nwhen = {{ card.tags = "tag{i}" }}\ngive = {{ percent = 8 }}',
    'lane = "card"\nwhen = {{ weekday = "mon..wed" }}\ngive = {{ percent = 3 }}',
    'lane = "extra"\nwhen = {{ near = {{ of = "day{i}", from = -3, to = 3 }} }}\n'
    "give = {{ percent = 5 }}",
    'lane = "extra"\nscope = {{ brand = "b{g}" }}\ngive = {{ amount = 150 }}',
    'lane = "extra"\nwhen = {{ basket = {{ total = {{ at_least = {i}0000 }} }} }}\n'
    "give = {{ percent = 1 }}",
]


def mixed(count: int) -> Programme:
    """Every kind of rule, all of a hundred evaluated, sixteen of them giving something."""
    text = HEAD
    for i in range(count - 2):
        body = RULES[i % len(RULES)].format(i=i, g=i % GROUPS).replace("STEPS", STEPS)
        text += f'[[rule]]\nid = "r{i}"\n{body}\n'
    return load(text)


def disjoint(count: int) -> Programme:
    """Each rule for one product of its own."""
    text = HEAD
    for i in range(count - 2):
        text += f'[[rule]]\nid = "r{i}"\nlane = "goods"\nscope.sku = "s{i}"\ngive.percent = 5\n'
    return load(text)


def measure(programmes: dict[str, Programme]) -> dict[str, tuple[float, float]]:
    """Return p50 and p99 in milliseconds per programme; the programmes take turns.

    Processor time: a quote waits for nothing, and other work on the machine is not its own.
    """
    lines = tuple(
        BasketLine(
            line=i,
            sku=f"s{i}",
            qty=1 + i % 3,
            unit_price=1_000 + 137 * i,
            category=(f"c{i % GROUPS}",),
            brand=f"b{i % GROUPS}",
        )
        for i in range(LINES)
    )
    basket = Basket(lines=lines, codes=("CODE4",), burn={"bonus": 500})
    values: dict[str, Fact] = {
        "card.account": "a1",
        "card.day7": "1990-11-20",
        "card.tags": ("tag5", "student"),
        "meter.spend": 80_000,
        "meter.visits": 4,
        "purse.bonus": 5_000,
    }
    facts = Facts(datetime(2026, 11, 22, 10, tzinfo=UTC), values)
    taken_ns: dict[str, list[int]] = {name: [] for name in programmes}
    gc.collect()
    gc.freeze()
    for turn in range(ROUNDS + 100):
        for name, programme in programmes.items():
            begun = time.thread_time_ns()
            price(programme, basket, facts)
            if turn >= 100:
                taken_ns[name].append(time.thread_time_ns() - begun)
    return {name: _quantiles(taken) for name, taken in taken_ns.items()}


def _quantiles(taken_ns: list[int]) -> tuple[float, float]:
    ordered = sorted(taken_ns)
    return ordered[len(ordered) // 2] / 1e6, ordered[len(ordered) * 99 // 100] / 1e6


def main() -> None:
    """Measure and print."""
    begun = time.perf_counter()
    programmes = {
        "100 mixed": mixed(100),
        "100 disjoint": disjoint(100),
        "1000 disjoint": disjoint(1_000),
    }
    print(f"three programmes loaded in {(time.perf_counter() - begun) * 1e3:.0f} ms")
    measured = measure(programmes)
    for name, (p50, p99) in measured.items():
        print(f"quote, {LINES} lines x {name} rules: p50 {p50:.3f} ms, p99 {p99:.3f} ms CPU")
    ratio = measured["1000 disjoint"][0] / measured["100 disjoint"][0]
    print(f"1,000 rules against 100, scopes differ: {ratio:.2f} x")


if __name__ == "__main__":
    main()
