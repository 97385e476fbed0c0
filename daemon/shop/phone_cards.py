"""The shop's side of the phone pages, over the ledger's cards."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec

from daemon.accounts.card_numbers import DRAWS_MAX, draw, out_of_numbers
from daemon.accounts.cards import TOKEN_BYTES, Account, Cards, Profile, account_by_token
from daemon.accounts.phones import PhoneKey, Phones
from daemon.base.config import CardNumbersSection
from daemon.base.ids import AccountId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.customers.questionnaire import MEANINGS, Questionnaire
from daemon.customers.questionnaires import Questionnaires
from daemon.ledger.chip_owed import owed_purse
from daemon.ledger.entries import Entry, decode
from daemon.ledger.storage.queries import HISTORY, PHONE
from daemon.ledger.storage.rows import CardRow
from daemon.ledger.storage.store import Store
from daemon.programme.names import card_fact
from daemon.programme.programme import local_day
from daemon.programme.quote import NextStep
from daemon.programme.state import Purse
from daemon.shop.phone_card_views import (
    CardState,
    CardView,
    Coupon,
    CouponTerms,
    HistoryKind,
    HistoryLine,
    JoinForm,
    LiveCard,
    ShownBalance,
    ShownStep,
)
from daemon.shop.shop import Shop

HISTORY_LINES_MAX = 20

_KINDS = {
    "sale": HistoryKind.SALE,
    "return": HistoryKind.RETURN,
    "expiry": HistoryKind.EXPIRY,
    "topup": HistoryKind.TOPUP,
}


class _Where(msgspec.Struct, frozen=True):
    """What an entry says of the till that was asked."""

    store: str = ""


class PhoneCardTerms(msgspec.Struct, frozen=True):
    """What the shop has set about phone cards. ``secret`` ties a form to its one card."""

    numbers: CardNumbersSection
    secret: bytes
    coupons: Mapping[str, CouponTerms]


class PhoneCards:
    """Makes phone cards and shows them."""

    def __init__(
        self,
        shop: Shop,
        cards: Cards,
        phones: Phones,
        terms: PhoneCardTerms,
        outlook: Callable[[Store, Account], tuple[NextStep, ...]],
        has_room: Callable[[], bool] = lambda: True,
        *,
        questionnaires: Questionnaires,
    ) -> None:
        """Make the desk.

        outlook:  tells the next steps of a card.
        has_room: whether the disk has room for strangers' cards; the till's sales need it.
        """
        self._outlook = outlook
        self._has_room = has_room
        self._questionnaires = questionnaires
        self._cards = cards
        self._phones = phones
        self._shop = shop
        self._numbers = terms.numbers
        self._secret = terms.secret
        self._coupons = terms.coupons

    async def enrol(self, form: JoinForm) -> str:
        """Make a card for a filled-in form and return its token; once for each form.

        Raises: RefusedError STORAGE_FULL when the till's disk is nearly full.
        """
        # From the form's own id, so that a form sent twice meets the card it made.
        digest = hmac.digest(self._secret, form.form_id.encode(), hashlib.sha256)
        token = base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).rstrip(b"=").decode()
        for _ in range(DRAWS_MAX):
            if await self._cards.by_token(token) is not None:
                return token
            if not self._has_room():
                raise RefusedError(ErrorCode.STORAGE_FULL, "No card can be made now; come later.")
            new = draw(self._numbers, token=token)
            kind = self._shop.programme.cards.get(new.kind)
            invites = kind.invite if kind else ""
            await self._cards.issue(new, self._profile(form), "form", invites=invites)
        raise out_of_numbers()

    async def show(self, token: str) -> CardView | None:
        """Return the card of ``token``, or None."""

        def read(store: Store) -> CardView | None:
            account = account_by_token(store, token)
            return self.view(store, account) if account else None

        return await self._shop.ledger.read(read)

    def view(self, store: Store, account: Account) -> CardView:
        """Return what a card's holder sees of it."""
        card = self._plain_view(store, account)
        coupon = self._coupon(store, account)
        if coupon is None:
            return card
        used = card.state is CardState.ACTIVE and coupon.uses_left == 0
        return msgspec.structs.replace(
            card,
            coupon=coupon,
            balances=(),
            history=(),
            steps=(),
            state=CardState.USED if used else card.state,
        )

    def _coupon(self, store: Store, account: Account) -> Coupon | None:
        terms = self._coupons.get(account.card.kind)
        if terms is None:
            return None
        programme = self._shop.programme
        rule = next((rule for rule in programme.rules if rule.id == terms.rule), None)
        text = {code: words or (rule.text if rule else "") for code, words in terms.text.items()}
        if rule is None or rule.limit is None or rule.limit.per_card is None:
            return Coupon(text)
        today = self._shop.today()
        known = {card_fact("birthday"): account.profile.birthday}
        counter = rule.limit.card_counter(account.account, today, known)
        used = store.counters([counter]).get(counter, 0)
        return Coupon(text, max(0, rule.limit.per_card - used))

    def _plain_view(self, store: Store, account: Account) -> CardView:
        programme = self._shop.programme
        today = self._shop.today().toordinal()
        states = store.purses(account.account)
        balances = tuple(
            ShownBalance(
                purse=purse.id,
                amount=states[purse.id].available(today) if purse.id in states else 0,
                currency=_currency(purse),
            )
            for purse in programme.purses.values()
        )
        bodies = store.ask(HISTORY, account.account, HISTORY_LINES_MAX)
        history = [line for body in bodies for line in self._history(account, decode(body))]
        phone = store.ask_one(PHONE, account.card.card_id)
        until = account.card.until
        until_at = datetime.fromisoformat(until) if until else None
        return CardView(
            number=account.card.number,
            ean13=account.card.ean13,
            name=account.profile.name,
            balances=balances,
            state=_state(account.card, self._shop.at()),
            history=tuple(history),
            steps=tuple(dict.fromkeys(map(self._step, self._outlook(store, account)))),
            # It ends when the day after its last one begins.
            until=local_day(programme, until_at - timedelta(seconds=1)) if until_at else None,
            until_at=until_at,
            generation=phone.generation if phone else 0,
            key_id=self._phones.newest_key,
        )

    def today(self) -> date:
        """Return the shop's day."""
        return self._shop.today()

    async def questionnaire(self) -> Questionnaire:
        """Return what customers are asked."""
        return (await self._questionnaires.shown()).questionnaire

    async def bind_first(self, token: str) -> LiveCard | None:
        """Give a card that no phone carries yet to the phone that shows its page, else None."""
        account = await self._cards.by_token(token)
        phone = await self._phones.bind_first(account) if account else None
        return self._live(token, phone) if phone else None

    async def renew(self, token: str, proof: str) -> LiveCard | None:
        """Give a phone that proves an older key its newest, else None."""
        account = await self._cards.by_token(token)
        phone = await self._phones.renew(account, proof) if account else None
        return self._live(token, phone) if phone else None

    async def has_moved(self, token: str) -> bool:
        """Whether ``token`` opened a card's page before the card moved."""
        return bool(await self._phones.moved_card(token))

    async def has_moved_to(self, token: str, to: str) -> bool:
        """Whether it opened the page of the card whose page ``to`` opens now."""
        moved, there = await self._phones.moved_card(token), await self._cards.by_token(to)
        return there is not None and there.card.card_id == moved

    async def is_offered(self, code: str) -> bool:
        """Whether a link from the till is still good."""
        return await self._phones.is_offered(code)

    async def accept(self, code: str) -> LiveCard | None:
        """Give the card of a link to the phone that opened it; None when it is good no more."""
        binding = await self._phones.accept(code)
        return self._live(binding.token, binding.phone) if binding else None

    def _live(self, token: str, phone: PhoneKey) -> LiveCard:
        prefix = self._numbers.rotating_prefix
        key = phone.key.hex()
        return LiveCard(token, phone.number, phone.generation, prefix, key, phone.key_id)

    def _history(self, account: Account, entry: Entry) -> list[HistoryLine]:
        programme = self._shop.programme
        changes = _changes(entry, account.account, programme.purses)
        store = msgspec.json.decode(entry.detail, type=_Where).store if changes else ""
        kind = _KINDS.get(entry.kind, HistoryKind.CORRECTION)
        return [
            HistoryLine(
                on=local_day(programme, datetime.fromisoformat(entry.at)),
                kind=HistoryKind.SPENT if amount < 0 and kind is HistoryKind.SALE else kind,
                amount=amount,
                currency=_currency(programme.purses.get(purse)),
                purse=purse,
                store=store,
            )
            for purse, amount in changes
        ]

    def _step(self, step: NextStep) -> ShownStep:
        programme = self._shop.programme
        # Another programme may have come into force since the steps were found.
        words = next((rule.text for rule in programme.rules if rule.id == step.rule), "")
        counts_money = programme.vocabulary.counts_money(step.by)
        return ShownStep(
            missing=step.missing,
            gives=words or step.gives,
            currency=programme.currency.code if counts_money else "",
        )

    def _profile(self, form: JoinForm) -> Profile:
        fields = {name: form.answers[name] for name in MEANINGS if name in form.answers}
        rest = {name: said for name, said in form.answers.items() if name not in MEANINGS}
        profile = Profile(
            name=form.name,
            phone=form.phone,
            email=form.email,
            birthday=form.birthday.isoformat() if form.birthday else "",
            language=form.language,
            consents=form.consents,
            answers=rest,
        )
        return msgspec.structs.replace(profile, **fields)


def _changes(entry: Entry, account: AccountId, purses: Iterable[str]) -> list[tuple[str, int]]:
    """Return what an entry changed in each purse: what it took and what it gave, each by itself.

    What a chip is owed is its holder's already. So where an amount only goes from there to the
    chip, nothing changes, and such an entry is summed up.
    """
    owed = {owed_purse(purse): purse for purse in purses}
    mine = [posting for posting in entry.postings if posting.account == account]
    by_chip = any(posting.purse in owed for posting in mine)
    sums: dict[tuple[str, bool], int] = {}
    for posting in mine:
        key = (owed.get(posting.purse, posting.purse), posting.amount > 0 and not by_chip)
        sums[key] = sums.get(key, 0) + posting.amount
    return [(purse, amount) for (purse, _), amount in sums.items() if amount]


def _currency(purse: Purse | None) -> str:
    return purse.currency.code if purse is not None and purse.currency else ""


def _state(card: CardRow, now: str) -> CardState:
    if card.until and card.until <= now:
        return CardState.EXPIRED
    known = {member.value: member for member in CardState}
    return known.get(card.state, CardState.BLOCKED)
