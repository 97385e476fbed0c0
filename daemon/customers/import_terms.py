"""What a client says of an import, and what it hears."""

from typing import Annotated

import msgspec

from daemon.base.approval import Approvable
from daemon.base.params import Params
from daemon.base.spreadsheets import ROWS_MAX
from daemon.base.text_limits import IdText, RequestId, SaidText, Text, check_tables
from daemon.ledger.storage.import_queries import IMPORT_TOGETHER

PAGE_MAX = 200
LISTED_MAX = 100
_POSITION = msgspec.Meta(ge=0, le=ROWS_MAX)


class BeginImportTerms(Approvable, frozen=True, kw_only=True):
    """A table that is to come under ``request_id``; what came before and was not applied goes.

    columns: its headings, in order. map: by heading, what the column is for; ``-`` leaves it out.
    update:  whether a row of a customer who is there already changes them.
    """

    request_id: RequestId
    columns: tuple[Text, ...]
    map: dict[str, str] = msgspec.field(default_factory=dict)
    update: bool = False
    by: Text = ""

    def __post_init__(self) -> None:
        check_tables("map", self.map)


class ImportColumns(msgspec.Struct, frozen=True):
    """What each column is for; ``-`` and "" for those that are left out or have no heading."""

    columns: tuple[Text, ...]


class ImportLine(Params, frozen=True):
    """A row: its number in the file, and its cells as they stand there."""

    row: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    cells: tuple[str, ...]


class ImportRowsTerms(Params, frozen=True, kw_only=True):
    """The next rows of a table. ``start``: how many came before."""

    request_id: RequestId
    start: Annotated[int, _POSITION]
    rows: Annotated[tuple[ImportLine, ...], msgspec.Meta(min_length=1, max_length=IMPORT_TOGETHER)]


class ImportStaged(msgspec.Struct, frozen=True, kw_only=True):
    """What has come so far, and what would be made of it."""

    count: int
    new: int
    changed: int
    bad: int


class CheckImportTerms(Params, frozen=True, kw_only=True):
    """A page of what is wrong, from a position on."""

    request_id: RequestId
    start: Annotated[int, _POSITION] = 0
    limit: Annotated[int, msgspec.Meta(ge=0, le=PAGE_MAX)] = PAGE_MAX


class DropImportTerms(Params, frozen=True, kw_only=True):
    """A table that is not to be applied."""

    request_id: RequestId


class ImportDropped(msgspec.Struct, frozen=True):
    """Whether there was such a table; nothing of it is kept, and its numbers are free."""

    dropped: bool


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong: in which row and column, what stands there, and why not."""

    row: int
    column: str
    value: str
    problem: str


class ImportChecked(msgspec.Struct, frozen=True, kw_only=True):
    """What would be made of a table. ``next``: where the next page begins, or -1."""

    count: int
    new: int
    changed: int
    bad: int
    rows: tuple[BadRow, ...]
    next: int


class ApplyImportTerms(Approvable, frozen=True, kw_only=True):
    """The table that came, to be applied. ``count``: how many rows came.

    skip_bad: apply the others although some are bad. file, sha256: of which it is told later.
    """

    request_id: RequestId
    count: Annotated[int, _POSITION]
    skip_bad: bool = False
    file: Text = ""
    sha256: IdText = ""
    by: Text = ""


class UndoImportTerms(Approvable, frozen=True, kw_only=True):
    """An import to be taken back, of whoever did nothing since."""

    request_id: RequestId
    import_id: IdText
    by: SaidText
    reason: SaidText


class ImportBegun(msgspec.Struct, frozen=True, kw_only=True):
    """An import that the till goes on with by itself. ``count``: of rows to go through."""

    import_id: str
    count: int
    replayed: bool = False


class ImportStatusTerms(Params, frozen=True, kw_only=True):
    """An import. ``beyond``: answer when more rows are done than these, or after some seconds.

    start: from which position on rows are told that were left, or that stay.
    """

    import_id: IdText
    beyond: int = -1
    start: Annotated[int, _POSITION] = 0
    limit: Annotated[int, msgspec.Meta(ge=0, le=PAGE_MAX)] = PAGE_MAX


class ToldRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was left, or whose customer stays when the import is undone, and why."""

    row: int
    account: str
    note: str


class ImportShown(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import is.

    count:  rows of the file; new, changed and skipped of them, as they were checked.
    state:  ``applying done undoing undone``. done: rows that the till has gone through.
    rows:   a page of those that were left, or stay; next: where the next one begins, or -1.
    """

    import_id: str
    made_at: str
    by: str
    file: str
    sha256: str
    count: int
    new: int
    changed: int
    skipped: int
    state: str
    done: int
    added: int = 0
    updated: int = 0
    left: int = 0
    undone: int = 0
    stays: int = 0
    rows: tuple[ToldRow, ...] = ()
    next: int = -1


class ListImportsTerms(Params, frozen=True, kw_only=True):
    """A page of imports, the newest first. ``after``: the last one of the page before."""

    after: IdText = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=LISTED_MAX)] = LISTED_MAX


class ListedImport(msgspec.Struct, frozen=True, kw_only=True):
    """An import in a list."""

    import_id: str
    made_at: str
    by: str
    file: str
    new: int
    changed: int
    skipped: int
    state: str


class Imports(msgspec.Struct, frozen=True):
    """Some imports. ``next``: ``after`` of the next page, or "" behind the last one."""

    imports: tuple[ListedImport, ...]
    next: str
