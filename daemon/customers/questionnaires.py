"""The questionnaire in force, whichever till activated it, and the older ones."""

import msgspec

from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.text_limits import RequestId, Text
from daemon.customers import questionnaire as questionnaires
from daemon.customers.questionnaire import Questionnaire, QuestionnaireError, built_in
from daemon.ledger.entries import Entry
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.customer_queries import QUESTIONNAIRE, QUESTIONNAIRE_IN_FORCE
from daemon.ledger.storage.customer_rows import QuestionnaireRow
from daemon.ledger.storage.rows import too_new
from daemon.ledger.storage.store import Change, Store, View


class ActivateTerms(Approvable, frozen=True, kw_only=True):
    """A questionnaire to bring in force now. ``by``: who says so."""

    request_id: RequestId
    text: str
    by: Text = ""


class QuestionnaireActivated(msgspec.Struct, frozen=True, kw_only=True):
    """A questionnaire that is in force from ``at`` (RFC 3339) on."""

    version: str
    at: str
    replayed: bool = False


class QuestionnaireInForce(msgspec.Struct, frozen=True):
    """Which one it is; ``at`` and ``by`` are "" for the built-in one, which nobody activated."""

    questionnaire: Questionnaire
    at: str = ""
    by: str = ""


class Questionnaires:
    """Questionnaires by number. The newest one that was activated is in force, at every till."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._known: dict[int, QuestionnaireInForce] = {}

    async def shown(self) -> QuestionnaireInForce:
        """Return the one in force, with who brought it and when."""
        return await self._ledger.read(self._newest)

    def in_force(self, store: Store) -> Questionnaire:
        """Return the one in force in a store's transaction. Raises RefusedError TOO_NEW."""
        return self._newest(store).questionnaire

    async def activate(
        self, key: RequestKey, terms: ActivateTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Bring a questionnaire in force, once; what was answered before stays as it is.

        Raises: QuestionnaireError; the one in force stays then.
        """
        made = questionnaires.load(terms.text)
        at = rfc3339(self._clock.now())

        def job(store: Store, view: View) -> tuple[Change, QuestionnaireActivated]:
            number, _ = store.ask_one(QUESTIONNAIRE_IN_FORCE) or (0, "")
            row = QuestionnaireRow(number + 1, made.version, terms.text, at, terms.by)
            said = {"by": terms.by, "number": row.number, **signed.approved}
            detail = msgspec.Raw(msgspec.json.encode(said))
            entry = Entry(at=at, kind="questionnaire", ref=made.version, detail=detail)
            answer = QuestionnaireActivated(version=made.version, at=at)
            return Change(entry=entry, rows=(row,)), answer

        return await self._ledger.once(key, at, job)

    def _newest(self, store: Store) -> QuestionnaireInForce:
        number, _ = store.ask_one(QUESTIONNAIRE_IN_FORCE) or (0, "")
        if not number:
            return QuestionnaireInForce(built_in())
        known = self._known.get(number)
        if known is None:
            row = store.ask_one(QUESTIONNAIRE, number)
            assert row is not None, "its number was read in the same transaction"
            try:
                loaded = questionnaires.load(row.text)
            except QuestionnaireError as error:
                raise too_new(error) from error
            known = QuestionnaireInForce(loaded, row.at, row.operator)
            self._known = {number: known}  # only the newest is asked for
        return known
