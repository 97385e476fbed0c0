"""The methods that import customers from a shop's table, and take an import back."""

import msgspec

from daemon.accounts.operators import Operators
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.customers.import_terms import (
    ApplyImportTerms,
    BadRow,
    BeginImportTerms,
    CheckImportTerms,
    DropImportTerms,
    ImportBegun,
    ImportChecked,
    ImportColumns,
    ImportDropped,
    ImportRowsTerms,
    Imports,
    ImportShown,
    ImportStaged,
    ImportStatusTerms,
    ListImportsTerms,
    ToldRow,
    UndoImportTerms,
)
from daemon.customers.imports import CustomerImports
from daemon.ledger.ledger import RequestKey
from daemon.pos.card_methods import WRITE_REFUSALS
from daemon.pos.cashier_language import say
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session


class ImportMethods:
    """The handlers: each translates parameters into a call, and nothing more."""

    def __init__(self, imports: CustomerImports, operators: Operators) -> None:
        self._imports = imports
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        admin, full = Role.ADMIN, (ErrorCode.STORAGE_FULL,)
        unknown = (ErrorCode.CARD_UNKNOWN,)
        undoing = (*WRITE_REFUSALS, ErrorCode.CARD_UNKNOWN, ErrorCode.NOT_UNDOABLE)
        guarded = (*full, ErrorCode.RATE_LIMITED)
        return {
            "import.begin": Method(BeginImportTerms, self.begin, admin, ImportColumns, guarded),
            # A cell that looks like a bank card's number is a bad row of many, and kept nowhere.
            "import.rows": Method(
                ImportRowsTerms, self.rows, admin, ImportStaged, full, unkept=("rows",)
            ),
            "import.check": Method(CheckImportTerms, self.check, admin, ImportChecked),
            "import.drop": Method(DropImportTerms, self.drop, admin, ImportDropped, full),
            "import.apply": Method(
                ApplyImportTerms, self.apply, admin, ImportBegun, WRITE_REFUSALS
            ),
            "import.status": Method(ImportStatusTerms, self.status, admin, ImportShown, unknown),
            "import.list": Method(ListImportsTerms, self.listed, admin, Imports),
            "import.undo": Method(UndoImportTerms, self.undo, admin, ImportBegun, undoing),
        }

    async def begin(self, session: Session, params: BeginImportTerms) -> ImportColumns:
        """Take the heading of a table of customers."""
        await self._operators.check(Action.IMPORT, params.by, params.approval)
        return await self._imports.begin(params)

    async def rows(self, session: Session, params: ImportRowsTerms) -> ImportStaged:
        """Take the next rows of it, and check them."""
        return await self._imports.rows(params)

    async def check(self, session: Session, params: CheckImportTerms) -> ImportChecked:
        """Say what would be made of it, and what is wrong, in the client's language."""
        checked = await self._imports.check(params)
        rows = tuple(_said(row, session.language) for row in checked.rows)
        return msgspec.structs.replace(checked, rows=rows)

    async def drop(self, session: Session, params: DropImportTerms) -> ImportDropped:
        """Forget a table that is not to be imported."""
        return await self._imports.drop(params)

    async def apply(self, session: Session, params: ApplyImportTerms) -> msgspec.Raw:
        """Begin to import it."""
        key = RequestKey.of("import.apply", params.request_id, params)
        signed = await self._operators.check(Action.IMPORT, params.by, params.approval, key)
        return await self._imports.apply(key, params, signed)

    async def status(self, session: Session, params: ImportStatusTerms) -> ImportShown:
        """Say how far an import is."""
        shown = await self._imports.status(params)
        rows = tuple(_told(row, session.language) for row in shown.rows)
        return msgspec.structs.replace(shown, rows=rows)

    async def listed(self, session: Session, params: ListImportsTerms) -> Imports:
        """List imports."""
        return await self._imports.listed(params)

    async def undo(self, session: Session, params: UndoImportTerms) -> msgspec.Raw:
        """Begin to take an import back."""
        key = RequestKey.of("import.undo", params.request_id, params)
        signed = await self._operators.check(Action.UNDO, params.by, params.approval, key)
        return await self._imports.undo(key, params, signed)


def _said(row: BadRow, language: str) -> BadRow:
    return msgspec.structs.replace(row, problem=_in(language, row.problem))


def _told(row: ToldRow, language: str) -> ToldRow:
    return msgspec.structs.replace(row, note=_in(language, row.note))


def _in(language: str, sentence: str) -> str:
    """Say what is wrong in a language, behind the name of what is concerned: ``until: …``."""
    name, colon, said = sentence.partition(": ")
    if colon and name.isidentifier():
        return f"{name}: {say(language, said)}"
    return say(language, sentence)
