"""What is missing to a card's next steps, between its sales: its page says it."""

from daemon.accounts.cards import Account
from daemon.base.ids import NO_SALE
from daemon.ledger.storage.store import NO_REQUEST, Store
from daemon.programme.basket import Facts
from daemon.programme.price import outlook
from daemon.programme.quote import NextStep
from daemon.sale.facts import card_facts
from daemon.sale.standing import Standing
from daemon.shop.shop import Shop


def card_outlook(shop: Shop, store: Store, account: Account) -> tuple[NextStep, ...]:
    """Return the next steps of a card now, as a quote would say them (`price.outlook`)."""
    now, _, today = shop.moment()
    standing = Standing(programme=shop.programme, account=account.account, today=today)
    reads = standing.reads(NO_SALE)
    view = standing.viewed(store, store.view(reads, NO_REQUEST), reads)
    facts = card_facts(account) | standing.as_of(view).facts(view)
    return outlook(standing.programme, Facts(now, facts))
