"""How a sale came about, for the facts that reports and the search for fraud read. Pure."""

from card_formats.code_text import normal_code
from card_formats.credential import Medium, Trust
from daemon.ledger.posted_facts import SaleFlag
from daemon.ledger.sale_records import Sale
from daemon.programme.names import ask_fact, code_fact
from daemon.programme.programme import Programme
from daemon.sale.presentations import Presentation

FLAG = "flag."


def how_shown(presentation: Presentation) -> int:
    """Return how a card was shown, as bits of `SaleFlag`."""
    credential = presentation.credential
    if presentation.is_typed:
        return SaleFlag.TYPED
    if credential.trust is Trust.ROTATING:
        return SaleFlag.PHONE_CODE
    return SaleFlag.CHIP if credential.medium is Medium.CHIP else 0


def how_it_came_about(programme: Programme, sale: Sale, *, held: bool) -> int:
    """Return what else is to be said of a sale as it is posted, as bits of `SaleFlag`.

    programme: that priced it. held: whether it was on hold before.
    """
    flags = (SaleFlag.OVERRIDE if sale.override else 0) | (SaleFlag.FROM_HOLD if held else 0)
    facts, quote, basket = sale.frozen.facts, sale.quote, sale.frozen.basket
    told = frozenset(name for name, fact in facts.items() if name.startswith(FLAG) and fact)
    words = {normal_code(code) for code in basket.codes}
    words |= {normal_code(str(facts.get(code_fact(code), code))) for code in basket.codes}
    # Most sales have neither: then only what was asked for is looked for.
    gave = {off.rule for line in quote.lines for off in line.applied}
    if any(ask_fact(rule) in facts for rule in gave):
        flags |= SaleFlag.ASKED
    if not (told or words):
        return flags
    gave |= {earned.rule for earned in quote.earn} | {issued.rule for issued in quote.issue}
    for rule in programme.rules:
        if rule.id in gave:
            flags |= 0 if rule.facts.isdisjoint(told) else SaleFlag.FLAG
            flags |= SaleFlag.CODE if rule.names_code(words) else 0
    return flags
