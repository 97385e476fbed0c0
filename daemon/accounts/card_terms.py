"""What a client says of a card that is to be issued, replaced or changed, and what it hears."""

from typing import Annotated

import msgspec

from daemon.accounts.cards import Profile
from daemon.base.approval import Approvable
from daemon.base.ids import NO_PRESENTATION, AccountId, PosSaleId
from daemon.base.text_limits import (
    IdText,
    OptionalSaleIdText,
    Override,
    PresentationIdText,
    RequestId,
    Text,
)


class CardTerms(Approvable, frozen=True, kw_only=True):
    """What happens to a card, named by its number or its UID; by whom and why.

    until: its last local day (YYYY-MM-DD), or "" for ever; for `extend`.
    """

    request_id: RequestId
    card: Text
    by: Text = ""
    reason: Text = ""
    until: Text = ""


class IssueTerms(Approvable, frozen=True, kw_only=True):
    """A card for a customer.

    number, uid, reader: what is on it, or lies at a reader; without any of them a number is drawn.
                 One from stock is taken up.
    with_card:   the number of another card, whose account it joins (a family). That account has
                 a profile already, so no ``profile`` stands beside it.
    sale_id:     of today, where the programme gives such a card for a purchase or sells it.
    holder:      who of the account's people carries it, a first name.
    presentation, override: of that other card, shown so that it may spend; or who answers for the
                 new one, and why.
    until:       its last local day (YYYY-MM-DD), or "" for ever.
    """

    request_id: RequestId
    kind: Annotated[IdText, msgspec.Meta(min_length=1)] = "plastic"
    number: Text = ""
    uid: Text = ""
    reader: IdText = ""
    issuer: Text = ""
    with_card: Text = ""
    sale_id: OptionalSaleIdText = PosSaleId("")
    holder: Text = ""
    presentation: PresentationIdText = NO_PRESENTATION
    override: Override | None = None
    until: Text = ""
    profile: Profile = Profile()
    by: Text = ""
    reason: Text = ""

    def __post_init__(self) -> None:
        if self.reader and (self.number or self.uid):
            raise ValueError("give a reader, or what is on the card, not both")
        if self.with_card and self.profile != Profile():
            raise ValueError("profile: the account of with_card has one already; leave it out")


class ReplaceTerms(Approvable, frozen=True, kw_only=True):
    """A new card in place of ``card``; a number is drawn where none is given.

    presentation, override: of the old card, shown so that it may spend; or who answers for it that
                 the new one is its customer's, and why.
    """

    request_id: RequestId
    card: Text
    presentation: PresentationIdText = NO_PRESENTATION
    override: Override | None = None
    number: Text = ""
    uid: Text = ""
    by: Text = ""
    reason: Text = ""


class CardDone(msgspec.Struct, frozen=True, kw_only=True):
    """The card as it now is. ``number`` is whole: it is what is printed."""

    state: str
    number: str
    account: AccountId
    kind: str
    until: str
    replaced: str = ""
    replayed: bool = False
