"""The rules of docs/programme.md once more, slow and obvious: exact fractions, no index.

A shop is {round, lanes: [{id, combine, base}], rules: [{id, lane, how, value, goods, max,
exclusive, priority, every, pick, stamps}], caps: [{goods, percent}], burn, earn}; goods is a set of
categories or None.
A line is {qty, unit_price, min_price, category}. Percentages are fractions of per cent.
Limits of a day (``[limits]``) are a till's settings and change no price; ``Model`` of
tests/stores/test_day_limits.py tells them once more.
"""

from fractions import Fraction
from math import floor
from typing import Any

KNOWN = {"percent", "amount", "each", "price", "free", "earn", "burn", "issue"}
"""The kinds of benefit that are told again here; a new one must be too."""


def half_up(x: Fraction) -> int:
    return floor(x + Fraction(1, 2))


def hamilton(total: int, weights: list[Fraction]) -> list[int]:
    if not sum(weights):
        return [0] * len(weights)
    quotas = [total * w / sum(weights) for w in weights]
    parts = [floor(q) for q in quotas]
    for i in sorted(range(len(parts)), key=lambda i: (parts[i] - quotas[i], i)):
        parts[i] += sum(parts) < total
    return parts


def hamilton_within(total: int, weights: list[Fraction], rooms: list[int]) -> list[int]:
    parts = hamilton(total, weights)
    over = [i for i in range(len(parts)) if parts[i] > rooms[i]]
    if not over:
        return parts
    clipped = {i: rooms[i] for i in over}
    rest = hamilton_within(
        total - sum(clipped.values()),
        [Fraction(0) if i in clipped else w for i, w in enumerate(weights)],
        rooms,
    )
    return [clipped.get(i, rest[i]) for i in range(len(parts))]


def in_scope(goods: set[str] | None, line: dict[str, Any]) -> bool:
    return goods is None or line["category"] in goods


def stands(when: dict[str, Any], lines: list[dict[str, Any]]) -> bool:
    """Whether conditions on the presence of goods hold, with ``any`` and ``not``."""
    if "has" in when and not has(when["has"], lines):
        return False
    if "any" in when and not any(stands(way, lines) for way in when["any"]):
        return False
    return not ("not" in when and stands(when["not"], lines))


def has(wanted: dict[str, Any], lines: list[dict[str, Any]]) -> bool:
    names = wanted.get("category")
    goods = {names} if isinstance(names, str) else None if names is None else set(names)
    mine = [line for line in lines if in_scope(goods, line)]
    units: int = sum(line["qty"] for line in mine)
    total = sum(line["qty"] * line["unit_price"] for line in mine)
    if "units" not in wanted and "total" not in wanted:
        return units >= 1
    return within(units, wanted.get("units", {})) and within(total, wanted.get("total", {}))


def within(number: int, bounds: dict[str, int]) -> bool:
    """Whether a number lies within ``{at_least, at_most, above, below}``."""
    low = max(bounds.get("at_least", number), bounds.get("above", number - 1) + 1)
    high = min(bounds.get("at_most", number), bounds.get("below", number + 1) - 1)
    return low <= number <= high


def free_pieces(rule: dict[str, Any], lines: list[dict[str, Any]]) -> list[int]:
    """How many pieces of each line are free: piece by piece, of all that the card has paid for."""
    mine = [i for i, line in enumerate(lines) if in_scope(rule["goods"], line)]
    pieces = [i for i in mine for _ in range(lines[i]["qty"])]
    dearest_first = rule["pick"] == "dearest"
    pieces.sort(key=lambda i: -lines[i]["unit_price"] if dearest_first else lines[i]["unit_price"])
    free = [0] * len(lines)
    # With one more free piece the others, and what was paid before, must still cost all of them.
    while pieces and rule["stamps"] + len(pieces) - 1 >= (sum(free) + 1) * (rule["every"] - 1):
        free[pieces.pop(0)] += 1
    return free


def stamped(rule: dict[str, Any], lines: list[dict[str, Any]], off: list[int]) -> list[int]:
    """What each line brings in stamps, less what its free pieces took; off: what the rule took."""
    free = [k if minor else 0 for k, minor in zip(free_pieces(rule, lines), off, strict=True)]
    return [
        (line["qty"] - k) - (rule["every"] - 1) * k if in_scope(rule["goods"], line) else 0
        for line, k in zip(lines, free, strict=True)
    ]


def gifts_of(rule: dict[str, Any], lines: list[dict[str, Any]], base: list[int]) -> list[Fraction]:
    """What a rule would take off each line."""
    if rule["how"] != "free":
        return [gift(rule, line, b) for line, b in zip(lines, base, strict=True)]
    return [
        Fraction(half_up(Fraction(b * k, line["qty"])))
        for line, b, k in zip(lines, base, free_pieces(rule, lines), strict=True)
    ]


def gift(rule: dict[str, Any], line: dict[str, Any], base: int) -> Fraction:
    if not in_scope(rule["goods"], line):
        return Fraction(0)
    worth = rule["value"] * line["qty"]
    by_how = {
        "percent": Fraction(base) * rule["value"] / 100,
        "each": min(worth, base),
        "price": max(base - worth, 0),
        "amount": base,  # only a weight
    }
    return Fraction(by_how[rule["how"]])


def fixed_sum(rule: dict[str, Any], gifts: list[Fraction]) -> Fraction | None:
    """What an amount rule gives in all, or a rule whose ``max`` cuts it; None for the others."""
    whole = sum(gifts, Fraction(0))
    if rule["how"] == "amount":
        whole = min(Fraction(rule["value"]), whole)
    most = rule["max"]
    if most is not None and whole > most:
        return Fraction(most)
    return whole if rule["how"] == "amount" else None


def winners(lane: dict[str, Any], rules: list[Any], gifts: Any, fixed: Any, n: int) -> list[Any]:
    """Per line, the rules that take something off it."""
    on = [[r for r in rules if gifts[r["id"]][i] > 0] for i in range(n)]
    if lane["combine"] == "sum":
        return on
    if lane["combine"] == "first":
        return [some[:1] for some in on]
    won = []
    for i in range(n):
        per_line = [r for r in on[i] if fixed[r["id"]] is None]
        won.append(sorted(per_line, key=lambda r: (-gifts[r["id"]][i], r["id"]))[:1])
    for r in sorted((r for r in rules if fixed[r["id"]]), key=lambda r: (-fixed[r["id"]], r["id"])):
        mine = [i for i in range(n) if gifts[r["id"]][i] > 0]
        others = [(i, other) for i in mine for other in won[i]]
        if any(fixed[other["id"]] is not None for _, other in others):
            continue
        rival = sum((gifts[other["id"]][i] for i, other in others), Fraction(0))
        earlier = all(r["id"] < other["id"] for _, other in others)
        if fixed[r["id"]] > rival or (fixed[r["id"]] == rival and earlier):
            for i in mine:
                won[i] = [r]
    return won


def taken(
    shop: dict[str, Any], gifts: list[Fraction], fixed: Fraction | None, rooms: list[int]
) -> list[int]:
    """What a rule takes off the lines it won; its gifts elsewhere are 0."""
    if fixed is not None:
        return hamilton_within(int(fixed), gifts, rooms)
    if shop["round"] == "line":
        whole = [half_up(g) for g in gifts]
    else:
        whole = hamilton(half_up(sum(gifts, Fraction(0))), gifts)
    return [min(part, room) for part, room in zip(whole, rooms, strict=True)]


def discounted(
    shop: dict[str, Any],
    lines: list[dict[str, Any]],
    rules: list[dict[str, Any]],
    off_by: dict[str, list[int]] | None = None,
) -> list[int]:
    """What each line costs after all lanes of these rules; ``off_by`` gets what each took."""
    shelf = [line["qty"] * line["unit_price"] for line in lines]
    floors = [
        max(
            [min(line["qty"] * line["min_price"], total)]
            + [
                total - half_up(Fraction(total) * cap["percent"] / 100)
                for cap in shop["caps"]
                if in_scope(cap["goods"], line)
            ]
        )
        for line, total in zip(lines, shelf, strict=True)
    ]
    net = list(shelf)
    for lane in shop["lanes"]:
        base = shelf if lane["base"] == "list" else list(net)
        mine = [r for r in rules if r["lane"] == lane["id"]]
        gifts = {r["id"]: gifts_of(r, lines, base) for r in mine}
        fixed = {r["id"]: fixed_sum(r, gifts[r["id"]]) for r in mine}
        mine = [r for r in mine if fixed[r["id"]] != 0]
        won = winners(lane, mine, gifts, fixed, len(lines))
        for r in mine:
            here = [g if r in won[i] else Fraction(0) for i, g in enumerate(gifts[r["id"]])]
            most = [int(g) for g in here] if r["how"] == "free" else base
            rooms = [min(b, n - f) for b, n, f in zip(most, net, floors, strict=True)]
            off = taken(shop, here, fixed[r["id"]], rooms)
            net = [n - o for n, o in zip(net, off, strict=True)]
            if off_by is not None:
                off_by[r["id"]] = off
    return net


def after_lanes(
    shop: dict[str, Any], lines: list[dict[str, Any]]
) -> tuple[list[int], dict[str, Any] | None]:
    """What each line costs after all lanes, and the exclusive rule that suspended the others."""
    rules = shop["rules"]
    shelf = sum(line["qty"] * line["unit_price"] for line in lines)
    alone = [dict(r, lane=shop["lanes"][0]["id"]) for r in rules if r["exclusive"]]
    on_list = dict(shop, lanes=[dict(shop["lanes"][0], base="list", combine="sum")], round="basket")
    off = {r["id"]: shelf - sum(discounted(on_list, lines, [r])) for r in alone}
    eligible = [r for r in rules if off.get(r["id"])]
    if eligible:
        rules = sorted(eligible, key=lambda r: (-r["priority"], -off[r["id"]], r["id"]))[:1]
    return discounted(shop, lines, rules), rules[0] if eligible else None


def stamps_of(
    shop: dict[str, Any], lines: list[dict[str, Any]], sole: dict[str, Any] | None
) -> dict[str, list[int]]:
    """What each line brings in stamps, by rule; sole: the rule that suspended the others."""
    off_by: dict[str, list[int]] = {}
    discounted(shop, lines, shop["rules"] if sole is None else [sole], off_by)
    nothing = [0] * len(lines)
    return {
        rule["id"]: stamped(rule, lines, off_by.get(rule["id"], nothing))
        for rule in shop["rules"]
        if rule["how"] == "free"
    }


def redeemable(
    rule: dict[str, Any], worth: int, lines: list[dict[str, Any]], net: list[int], left: list[int]
) -> tuple[int, list[Fraction], list[int]]:
    """How many units a purse may pay by a rule {value, goods, max}; by what weights; the rooms."""
    mine = [in_scope(rule["goods"], line) for line in lines]
    weights = [Fraction(n if here else 0) for n, here in zip(net, mine, strict=True)]
    rooms = [min(n, x) if here else 0 for n, x, here in zip(net, left, mine, strict=True)]
    units = min(half_up(sum(weights, Fraction(0)) * rule["value"] / 100), sum(rooms)) // worth
    most = rule["max"]
    return (units if most is None else min(units, most)), weights, rooms


def counted(
    rule: dict[str, Any], worth: int, lines: list[dict[str, Any]], money: list[int]
) -> list[int]:
    """What a rule {how, value, every, goods, max} earns or issues on each line, in all its sum."""
    mine = [i for i, line in enumerate(lines) if in_scope(rule["goods"], line)]
    if not mine:
        return [0] * len(lines)
    units = sum(lines[i]["qty"] for i in mine)
    whole = sum(money[i] for i in mine)
    weights = [Fraction(lines[i]["qty"] if rule["how"] == "each" else money[i]) for i in mine]
    total = {
        "percent": half_up(Fraction(whole) * rule["value"] / 100 / worth) if worth else 0,
        "amount": rule["value"] * (whole // rule["every"] if rule["every"] else 1),
        "each": rule["value"] * units,
    }[rule["how"]]
    if rule["max"] is not None:
        total = min(total, rule["max"])
    shares = hamilton(int(total), weights if any(weights) else [Fraction(1)] * len(mine))
    by_line = dict(zip(mine, shares, strict=True))
    return [by_line.get(i, 0) for i in range(len(lines))]


def model(shop: dict[str, Any], lines: list[dict[str, Any]], burn_part: Fraction) -> dict[str, Any]:
    """The whole quote: net, burned, paid and earned per line; the sums follow."""
    net, _ = after_lanes(shop, lines)
    all_goods = {"goods": None, "max": None, "how": "percent", "every": 0}
    paying = dict(all_goods, value=shop["burn"])
    burn_max, weights, rooms = redeemable(paying, 1, lines, net, net)
    burn = floor(burn_max * burn_part)
    burned = hamilton_within(burn, weights, rooms)
    paid = [n - b for n, b in zip(net, burned, strict=True)]
    return {
        "net": net,
        "burn_max": burn_max,
        "burn": burn,
        "burned": burned,
        "paid": paid,
        "earned": counted(dict(all_goods, value=shop["earn"]), 1, lines, paid),
    }


def in_coins(total: int, step: int) -> int:
    """What is paid where every coin is a multiple of ``step``; 1 is every amount."""
    return half_up(Fraction(total, step)) * step


def given_back(share: int, before: int, now: int, whole: int) -> int:
    """Half-up(share x what is back so far / all) less what was given before."""
    return half_up(Fraction(share * (before + now), whole)) - half_up(
        Fraction(share * before, whole)
    )


def pays(
    shop: dict[str, Any], lines: list[dict[str, Any]], net: list[int], part: Fraction
) -> tuple[list[int], dict[str, int], dict[str, int]]:
    """What is left to pay per line, what each purse may pay, and what it pays of that."""
    left, most, burn = list(net), dict[str, int](), dict[str, int]()
    for purse, worth in shop["worth"].items():
        rules = [r for r in shop["others"] if (r["kind"], r["target"]) == ("burn", purse)]
        # A rule of 0 %, or one without goods in the basket, lets nothing pay.
        rules = [r for r in rules if r["value"] and any(in_scope(r["goods"], x) for x in lines)]
        if rules:
            offers = [redeemable(rule, worth, lines, net, left) for rule in rules]
            most[purse], weights, rooms = max(offers, key=lambda offer: offer[0])
            burn[purse] = int(most[purse] * part)
            paid = hamilton_within(burn[purse] * worth, weights, rooms)
            left = [x - minor for x, minor in zip(left, paid, strict=True)]
    return left, most, burn


def brings(
    shop: dict[str, Any], lines: list[dict[str, Any]], net: list[int], left: list[int]
) -> dict[str, list[int]]:
    """What each rule earns or issues, per line."""
    shelf = [line["qty"] * line["unit_price"] for line in lines]
    bases = {"paid": left, "net": net, "list": shelf}
    return {
        rule["id"]: counted(rule, shop["worth"].get(rule["target"], 0), lines, bases[rule["of"]])
        for rule in shop["others"]
        if rule["kind"] != "burn"
    }
