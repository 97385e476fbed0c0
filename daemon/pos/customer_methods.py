"""The methods for the people behind the cards: what they are asked, what is known of them."""

from typing import Any, TypeVar

import msgspec

from daemon.accounts.guess_limit import Guesses
from daemon.accounts.operators import Operators
from daemon.base.params import Params
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.customers.customers import (
    ConsentDone,
    ConsentTerms,
    CustomerDone,
    Customers,
    UpdateTerms,
)
from daemon.customers.dossiers import (
    Dossier,
    Dossiers,
    DossierTerms,
    DuplicatesTerms,
    Exported,
    ExportTerms,
)
from daemon.customers.merging import Merged, MergeTerms, Merging, UnmergeTerms
from daemon.customers.questionnaire import QuestionnaireError, doubts, load, shown
from daemon.customers.questionnaires import (
    ActivateTerms,
    QuestionnaireActivated,
    Questionnaires,
)
from daemon.customers.searching import FindTerms, Found, FoundCustomer, Searching
from daemon.ledger.ledger import RequestKey
from daemon.pos.card_methods import CARD_REFUSALS, WRITE_REFUSALS
from daemon.pos.cashier_language import say
from daemon.pos.dispatch import Method
from daemon.pos.errors import invalid
from daemon.pos.peers import Role
from daemon.pos.protocol import NoParams
from daemon.pos.session import Session
from daemon.pos.shop_methods import Doubt

T = TypeVar("T", Found, FoundCustomer, Dossier, Exported)


class QuestionnaireText(Params, frozen=True):
    """A questionnaire's text, TOML."""

    text: str


class QuestionnaireChecked(msgspec.Struct, frozen=True, kw_only=True):
    """Whether it could be activated; ``version`` is "" where it could not."""

    version: str
    errors: tuple[Doubt, ...] = ()
    warnings: tuple[Doubt, ...] = ()


class QuestionnaireShown(msgspec.Struct, frozen=True, kw_only=True):
    """The questionnaire in force: its text, and what that says, for a till to ask.

    at, by: when it was activated and by whom; "" for the built-in one.
    """

    version: str
    at: str
    by: str
    text: str
    questions: tuple[dict[str, Any], ...]
    consents: tuple[dict[str, Any], ...]


class CustomerMethods:
    """The handlers: each translates parameters into a call, and nothing more."""

    def __init__(
        self,
        questionnaires: Questionnaires,
        customers: Customers,
        searching: Searching,
        dossiers: Dossiers,
        merging: Merging,
        guesses: Guesses,
        operators: Operators,
    ) -> None:
        """guesses: at numbers that a client names."""
        self._questionnaires = questionnaires
        self._customers = customers
        self._searching = searching
        self._dossiers = dossiers
        self._merging = merging
        self._guesses = guesses
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        whose = (*WRITE_REFUSALS, *CARD_REFUSALS)
        both = (*WRITE_REFUSALS, ErrorCode.CARD_UNKNOWN)
        return {
            "customer.find": Method(
                FindTerms, self.find, Role.SALE, Found, (ErrorCode.RATE_LIMITED,)
            ),
            "customer.show": Method(DossierTerms, self.dossier, Role.SALE, Dossier, CARD_REFUSALS),
            "customer.duplicates": Method(
                DuplicatesTerms, self.duplicates, Role.SALE, Found, CARD_REFUSALS
            ),
            "customer.merge": Method(MergeTerms, self.merge, Role.SALE, Merged, both),
            "customer.unmerge": Method(
                UnmergeTerms, self.unmerge, Role.SALE, Merged, (*both, ErrorCode.NOT_UNDOABLE)
            ),
            "customer.export": Method(
                ExportTerms,
                self.export,
                Role.ADMIN,
                Exported,
                (*CARD_REFUSALS, ErrorCode.STORAGE_FULL),
            ),
            "customer.update": Method(UpdateTerms, self.update, Role.SALE, CustomerDone, whose),
            "customer.consent": Method(ConsentTerms, self.consent, Role.SALE, ConsentDone, whose),
            "questionnaire.show": Method(NoParams, self.show, Role.READ, QuestionnaireShown),
            "questionnaire.check": Method(
                QuestionnaireText, self.check, Role.READ, QuestionnaireChecked, unkept=("text",)
            ),
            "questionnaire.activate": Method(
                ActivateTerms, self.activate, Role.ADMIN, QuestionnaireActivated, WRITE_REFUSALS
            ),
        }

    async def find(self, session: Session, params: FindTerms) -> Found:
        """Find customers by card, telephone, e-mail or name."""
        return _in_words(session, await self._searching.find(params))

    async def dossier(self, session: Session, params: DossierTerms) -> Dossier:
        """Show all that is known of a customer."""
        async with self._guesses.counting():
            return _in_words(session, await self._dossiers.show(params))

    async def export(self, session: Session, params: ExportTerms) -> Exported:
        """Give a person what is known of them."""
        signed = await self._operators.check(Action.EXPORT_PERSON, params.by, params.approval)
        async with self._guesses.counting():
            return _in_words(session, await self._dossiers.export(params, signed))

    async def duplicates(self, session: Session, params: DuplicatesTerms) -> Found:
        """Show who may be the same person as a customer."""
        async with self._guesses.counting():
            return await self._dossiers.duplicates(params)

    async def merge(self, session: Session, params: MergeTerms) -> msgspec.Raw:
        """Make two accounts of one person one."""
        key = _key("customer.merge", params)
        signed = await self._operators.check(Action.MERGE, params.by, params.approval, key)
        async with self._guesses.counting():
            return await self._merging.merge(key, params, signed)

    async def unmerge(self, session: Session, params: UnmergeTerms) -> msgspec.Raw:
        """Make them two again."""
        key = _key("customer.unmerge", params)
        signed = await self._operators.check(Action.UNDO, params.by, params.approval, key)
        async with self._guesses.counting():
            return await self._merging.unmerge(key, params, signed)

    async def update(self, session: Session, params: UpdateTerms) -> msgspec.Raw:
        """Change what is known of a customer."""
        key = _key("customer.update", params)
        async with self._guesses.counting():
            also = [Action.CHANGE_CONTACT] if await self._customers.moves_contact(params) else []
            signed = await self._operators.check(
                Action.FILL, params.by, params.approval, key, also=also
            )
            return await self._customers.update(key, params, signed)

    async def consent(self, session: Session, params: ConsentTerms) -> msgspec.Raw:
        """Keep what a customer allows, or does not allow any more."""
        key = _key("customer.consent", params)
        signed = await self._operators.check(Action.FILL, params.by, params.approval, key)
        async with self._guesses.counting():
            return await self._customers.consent(key, params, signed)

    async def show(self, session: Session, params: NoParams) -> QuestionnaireShown:
        """Show the questionnaire in force."""
        known = await self._questionnaires.shown()
        what = known.questionnaire
        return QuestionnaireShown(
            version=what.version, at=known.at, by=known.by, text=what.text, **shown(what)
        )

    async def check(self, session: Session, params: QuestionnaireText) -> QuestionnaireChecked:
        """Say what is wrong with a questionnaire, and what is doubtful."""
        try:
            made = load(params.text)
        except QuestionnaireError as error:
            return QuestionnaireChecked(version="", errors=(Doubt(error.path, error.message),))
        warnings = tuple(Doubt(path, message) for path, message in doubts(made))
        return QuestionnaireChecked(version=made.version, warnings=warnings)

    async def activate(self, session: Session, params: ActivateTerms) -> msgspec.Raw:
        """Bring a questionnaire in force; a bad one is refused and the old one stays."""
        key = _key("questionnaire.activate", params)
        signed = await self._operators.check(Action.QUESTIONNAIRE, params.by, params.approval, key)
        try:
            return await self._questionnaires.activate(key, params, signed)
        except QuestionnaireError as error:
            raise invalid(f"{error.path}: {error.message}") from error


def _in_words(session: Session, answer: T) -> T:
    """Return an answer that says in the cashier's language who was erased."""
    if isinstance(answer, Found):
        people = tuple(_in_words(session, one) for one in answer.customers)
        return msgspec.structs.replace(answer, customers=people)
    assert isinstance(answer, Dossier | FoundCustomer)
    return msgspec.structs.replace(answer, notice=say(session.language, answer.notice))


def _key(
    method: str, params: UpdateTerms | ConsentTerms | ActivateTerms | MergeTerms | UnmergeTerms
) -> RequestKey:
    return RequestKey.of(method, params.request_id, params)
