"""The photo of a customer, and a sample of their signature: set, taken away, shown to few.

A file is longer than a line of the socket, so it comes in parts, which wait here until all are
there. Only the small picture that was made of it is kept, in a table of its own. An entry says that
it was set, taken away or shown, and by whom; it holds nothing of the picture, not even a hash.

After a merge the kept account's own picture is shown, or else the newest of those that were merged
into it. No row moves for that, so whoever parts them again gives each its own back.
"""

import base64
import binascii
import hashlib
from collections import OrderedDict
from typing import Annotated, Literal

import msgspec

from daemon.base.approval import UNSIGNED, Signed
from daemon.base.caller import caller
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import NO_ACCOUNT, AccountId
from daemon.base.refusals import ParamError
from daemon.base.text_limits import RequestId, SaidText, Text
from daemon.customers.consents import may_keep
from daemon.customers.customers import Customers, WhoseTerms, customer_entry, everyone_in
from daemon.customers.picture_maker import PictureMaker
from daemon.customers.pictures import PICTURE_BYTES_MAX, PictureError, Problem
from daemon.customers.questionnaire import PERSONAL_DATA
from daemon.customers.questionnaires import Questionnaires
from daemon.ledger.erased import refuse_erased
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.customer_queries import CONSENTS_OF, PHOTO, PHOTO_KINDS
from daemon.ledger.storage.customer_rows import PhotoRow
from daemon.ledger.storage.store import Change, Gone, Store, View

PART_CHARS_MAX = 240_000
PARTS_MAX = 50
UPLOADS_MAX = 4
"""Pictures of which parts wait; with one more the one that began first is forgotten."""
UPLOAD_S_MAX = 600
Kind = Literal["photo", "signature"]
_Part = Annotated[int, msgspec.Meta(ge=1, le=PARTS_MAX)]


class PhotoTerms(WhoseTerms, frozen=True, kw_only=True):
    """A picture of a customer from now on.

    image: a JPEG, PNG or WebP in base64; "" takes the picture away.
    part:  of so many ``parts``, each base64 of its own; all with the same request_id, in any order.
    """

    request_id: RequestId
    kind: Kind = "photo"
    image: Annotated[str, msgspec.Meta(max_length=PART_CHARS_MAX)]
    part: _Part = 1
    parts: _Part = 1
    by: Text = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.part > self.parts:
            raise ValueError("part: there are fewer parts; send such as part 2 of parts 3")


class PhotoDone(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it: ``set``, ``removed``, or ``waiting`` for so many parts that are missing.

    account: "" while it waits.
    """

    account: AccountId
    kind: str
    state: Literal["set", "removed", "waiting"]
    missing: int = 0
    replayed: bool = False


class ShowPhotoTerms(WhoseTerms, frozen=True, kw_only=True):
    """Which picture is shown, and to whom."""

    kind: Kind = "photo"
    by: SaidText


class PhotoShown(msgspec.Struct, frozen=True, kw_only=True):
    """A picture: JPEG in base64, set ``at`` (RFC 3339); both "" where there is none."""

    account: AccountId
    kind: str
    at: str
    image: str


class Photos:
    """Keeps pictures of customers."""

    def __init__(
        self,
        ledger: Ledger,
        customers: Customers,
        questionnaires: Questionnaires,
        clock: Clock,
        maker: PictureMaker,
    ) -> None:
        self._ledger = ledger
        self._customers = customers
        self._questionnaires = questionnaires
        self._clock = clock
        self._maker = maker
        self._uploads = _Uploads(clock)

    def received(self, terms: PhotoTerms) -> bytes | None:
        """Take a part; return the file when all of it is there, b"" for none.

        Raises: ParamError for what is no base64; PictureError for a file that is too long.
        """
        return self._uploads.received(terms)

    def waiting(self, terms: PhotoTerms) -> PhotoDone:
        """Say how many parts of a file are missing."""
        missing = self._uploads.missing(terms)
        return PhotoDone(account=NO_ACCOUNT, kind=terms.kind, state="waiting", missing=missing)

    async def change(
        self, key: RequestKey, terms: PhotoTerms, file: bytes, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Keep the picture of a file, or none, once.

        Raises: PictureError; ParamError without the consent to keep it, of a customer who was
                erased, and where there is none to take away; RefusedError CARD_UNKNOWN.
        """
        at = rfc3339(self._clock.now())
        # Nobody's file is decoded.
        await self._ledger.read(lambda store: self._customers.account(store, terms))
        picture = await self._maker.kept(file) if file else b""

        def job(store: Store, view: View) -> tuple[Change, PhotoDone]:
            account = self._customers.account(store, terms)
            detail = {"fields": [terms.kind], "by": terms.by, **signed.approved}
            if picture:
                refuse_erased(store, account, "card" if terms.card else "account")
                self._check_may_keep(store, account)
                entry = customer_entry(at, account, {"event": "set", **detail})
                row = PhotoRow(account, terms.kind, at, picture)
                done = PhotoDone(account=account, kind=terms.kind, state="set")
                return Change(entry=entry, rows=(row,)), done
            gone = _all_of(store, account, terms.kind)
            if not gone:
                raise ParamError("image", f"there is no {terms.kind} that could be taken away")
            entry = customer_entry(at, account, {"event": "removed", **detail})
            done = PhotoDone(account=account, kind=terms.kind, state="removed")
            return Change(entry=entry, gone=gone), done

        return await self._ledger.once(key, at, job)

    async def show(self, terms: ShowPhotoTerms, signed: Signed = UNSIGNED) -> PhotoShown:
        """Return a picture; that it was shown is an entry. Raises RefusedError CARD_UNKNOWN."""

        def read(store: Store) -> PhotoShown:
            account = self._customers.account(store, terms)
            row = photo_of(store, account, terms.kind)
            image = base64.b64encode(row.image).decode("ascii") if row else ""
            return PhotoShown(
                account=account, kind=terms.kind, at=row.at if row else "", image=image
            )

        shown = await self._ledger.read(read)
        detail = {"event": "shown", "fields": [terms.kind], "by": terms.by, **signed.approved}
        entry = customer_entry(rfc3339(self._clock.now()), shown.account, detail)
        await self._ledger.write(Change(entry=entry))
        return shown

    def _check_may_keep(self, store: Store, account: AccountId) -> None:
        is_own = self._questionnaires.in_force(store).is_own
        if is_own and not may_keep(store.ask(CONSENTS_OF, account)):
            what = f"needs the consent {PERSONAL_DATA}: without it nothing is kept of a person"
            raise ParamError("image", what)


def photo_of(store: Store, account: AccountId, kind: str) -> PhotoRow | None:
    """Return a customer's picture: their own, or else the newest that was merged into it."""
    if (own := store.ask_one(PHOTO, account, kind)) is not None:
        return own
    others = sorted(everyone_in(store, account) - {account})
    rows = [row for other in others for row in store.ask(PHOTO, other, kind)]
    return max(rows, key=lambda row: row.at, default=None)


def photo_kinds(store: Store, account: AccountId) -> tuple[str, ...]:
    """Return which pictures there are of a customer."""
    everyone = everyone_in(store, account)
    return tuple(sorted({kind for one in everyone for kind in store.ask(PHOTO_KINDS, one)}))


def _all_of(store: Store, account: AccountId, kind: str) -> tuple[Gone, ...]:
    everyone = sorted(everyone_in(store, account))
    there = (one for one in everyone if kind in store.ask(PHOTO_KINDS, one))
    return tuple(Gone(PhotoRow, (one, kind)) for one in there)


def content_of(terms: PhotoTerms, file: bytes) -> PhotoTerms:
    """Return what makes a request the same again, in however many parts its file came."""
    digest = hashlib.sha256(file).hexdigest() if file else ""
    return msgspec.structs.replace(terms, image=digest, part=1, parts=1)


class _Upload(msgspec.Struct):
    """The parts of one file that have come. begun_s: monotonic."""

    parts: int
    begun_s: float
    came: dict[int, bytes] = {}


class _Uploads:
    """Files of which parts wait, those that began first before the others."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: OrderedDict[tuple[str, str], _Upload] = OrderedDict()

    def received(self, terms: PhotoTerms) -> bytes | None:
        piece = _decoded(terms.image)
        if terms.parts == 1:
            return piece
        self._forget_old()
        name = _name(terms)
        upload = self._waiting.get(name)
        if upload is None or upload.parts != terms.parts:
            upload = self._waiting[name] = _Upload(terms.parts, self._clock.monotonic_s())
        if len(self._waiting) > UPLOADS_MAX:
            self._waiting.popitem(last=False)
        upload.came[terms.part] = piece
        if sum(map(len, upload.came.values())) > PICTURE_BYTES_MAX:
            del self._waiting[name]
            raise PictureError(Problem.TOO_LONG)
        if len(upload.came) < upload.parts:
            return None
        del self._waiting[name]
        return b"".join(upload.came[part] for part in sorted(upload.came))

    def missing(self, terms: PhotoTerms) -> int:
        upload = self._waiting.get(_name(terms))
        return upload.parts - len(upload.came) if upload else terms.parts

    def _forget_old(self) -> None:
        since_s = self._clock.monotonic_s() - UPLOAD_S_MAX
        for name in [one for one, upload in self._waiting.items() if upload.begun_s < since_s]:
            del self._waiting[name]


def _name(terms: PhotoTerms) -> tuple[str, str]:
    return caller(), terms.request_id


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ParamError("image", "is no base64; encode the file's bytes, without blanks") from None
