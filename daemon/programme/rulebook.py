"""The rules of one day, found by what their scopes name.

A shop may have a rule for each of a thousand products, and a basket has a few lines: asking every
rule about every line would make a quote as slow as the file is long. So a rule whose scope names
goods by one attribute is kept under these words, and a basket's lines look up the rules by theirs:

    scope = { category = ["tea", "jam"] }    under category/tea and category/jam
    scope = { sku = "t1", on_sale = true }   under sku/t1; on_sale is asked when a line is t1
    scope = { on_sale = true }               asked for every line
    no scope                                 in every basket

What depends on the day alone is asked once a day, when its rulebook is made.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from daemon.programme.basket import BasketLine
from daemon.programme.benefits.benefit import AnyGive
from daemon.programme.quote import WhyNot
from daemon.programme.rule import Candidate, Rule
from daemon.programme.scope import NAMED, Matches, words_of


class Rulebook:
    """The rules that may apply on one local day.

    over: the rules whose own dates, weekdays or days of the month exclude the day, with why.
    """

    def __init__(self, rules: Iterable[Rule], day: date) -> None:
        self.day = day
        self.over: list[WhyNot] = []
        self._by_word: dict[str, dict[str, list[Rule]]] = {name: {} for name in NAMED}
        self._tested: list[tuple[Rule, Matches]] = []
        self._everywhere: list[Rule] = []
        self._rules: list[Rule] = []
        for rule in rules:
            failed = next((why for days, why in rule.day_tests if not days.holds(day)), None)
            if failed is not None:
                self.over.append(failed)
            else:
                self._add(rule)
        self._by_word = {name: words for name, words in self._by_word.items() if words}

    def _add(self, rule: Rule) -> None:
        self._rules.append(rule)
        goods = rule.scope.goods
        if goods.named:
            for word in goods.words:
                self._by_word[goods.named].setdefault(word, []).append(rule)
        elif goods.matches:
            self._tested.append((rule, goods.matches))
        else:
            self._everywhere.append(rule)

    def candidates(self, lines: Sequence[BasketLine]) -> list[Candidate[AnyGive]]:
        """Return the rules that have goods in the basket."""
        every = list(range(len(lines)))
        candidates = [(rule, rule.give, every) for rule in self._everywhere]
        hits: dict[int, Candidate[AnyGive]] = {}
        day = self.day
        for i, line in enumerate(lines):
            for name, by_word in self._by_word.items():
                for word in words_of(line, name):
                    for rule in by_word.get(word, ()):
                        matches = rule.scope.goods.matches
                        if matches is None or matches(line, day):
                            _hit(hits, rule, i)
        for rule, matches in self._tested:
            mine = [i for i, line in enumerate(lines) if matches(line, day)]
            if mine:
                candidates.append((rule, rule.give, mine))
        candidates += hits.values()
        candidates.sort(key=_order)
        return candidates

    def candidates_of_nothing(self) -> list[Candidate[AnyGive]]:
        """Return every rule of the day, for what it says of a card that has no basket yet."""
        return [(rule, rule.give, []) for rule in self._rules]


def _hit(hits: dict[int, Candidate[AnyGive]], rule: Rule, i: int) -> None:
    """Note that a line is in a rule's scope, once although several of its words may be."""
    hit = hits.get(rule.order)
    if hit is None:
        hits[rule.order] = (rule, rule.give, [i])
    elif hit[2][-1] != i:
        hit[2].append(i)


def _order(candidate: Candidate[AnyGive]) -> int:
    return candidate[0].order
