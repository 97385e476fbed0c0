"""How a chip or a phone can prove itself, and what a till does with one.

A new proof is a module like ``link_proof`` and a line in PROOFS.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from msgspec import Raw

from card_formats.chip.ntag import PassThrough
from card_formats.credential import Shown
from daemon.accounts.cards import Cards
from daemon.base.chip_section import ChipSection
from daemon.base.ids import AccountId
from daemon.chip.hot_list import HotListFile
from daemon.chip.link_proof import LinkProof
from daemon.chip.owed_credit import OwedCredit
from daemon.chip.password_proof import PasswordProof
from daemon.chip.proof import Proof, ProvenCard
from daemon.chip.purchase import Purchases, WantedSale
from daemon.chip.purse_care import PurseCare
from daemon.chip.purse_proof import PurseProof
from daemon.chip.tap import Taps
from daemon.chip.terminal import ChipTerminal
from daemon.chip.writing import ChipWriter
from daemon.ledger.ledger import RequestKey
from daemon.ledger.sale_rows import SaleRow
from daemon.shop.shop import Shop


class ProofTools(NamedTuple):
    """What proofs are made from. ``pass_through``: by reader, how it hands a password on."""

    terminal: ChipTerminal
    shop: Shop
    cards: Cards
    care: PurseCare
    owed: OwedCredit
    pass_through: Mapping[str, PassThrough]


PROOFS: tuple[Callable[[ProofTools], Proof], ...] = (
    # First: it asks nothing that a purse is not asked anyway, and a purchase has no APDU to spare.
    lambda tools: PurseProof(tools.care, tools.owed),
    lambda tools: LinkProof(tools.terminal, tools.shop.ledger, tools.cards),
    lambda tools: PasswordProof(tools.terminal, tools.shop.ledger, tools.cards, tools.pass_through),
)
"""Tried in this order with every chip that is laid down, until one knows whose it is."""


class Chips(NamedTuple):
    """What a till does with chips: one function each, see the classes that they are of.

    start:    `ChipWriter.start`, before anything else.
    prove:    `Taps.prove`.
    sell, resume: `Purchases.sell`, `Purchases.resume`.
    pay_owed: `OwedCredit.pay_if_there`.
    """

    start: Callable[[], Awaitable[None]]
    prove: Callable[[Shown, str], Awaitable[ProvenCard | None]]
    sell: Callable[[WantedSale], Awaitable[Raw | None]]
    resume: Callable[[RequestKey, SaleRow], Awaitable[Raw | None]]
    pay_owed: Callable[[str, AccountId], Awaitable[None]]


async def _nothing(*_: object) -> None:
    """Do nothing: this till has no keys of chips."""


NO_CHIPS = Chips(_nothing, _nothing, _nothing, _nothing, _nothing)
"""Of a till without chips: none proves anything, and no sale changes one."""


def chips_of(
    terminal: ChipTerminal,
    shop: Shop,
    cards: Cards,
    section: ChipSection,
    hot_list: HotListFile,
    pass_through: Mapping[str, PassThrough],
    publish: Callable[..., object],
) -> Chips:
    """Put together what a till with chip keys does with chips; ``publish`` tells the POS."""
    writer = ChipWriter(terminal, shop, section, publish)
    care = PurseCare(terminal, writer, shop, cards, hot_list)
    owed = OwedCredit(terminal, writer, care, shop)
    tools = ProofTools(terminal, shop, cards, care, owed, pass_through)
    taps = Taps(terminal, shop.ledger, [make(tools) for make in PROOFS])
    purchases = Purchases(terminal, writer, care, shop.ledger, hot_list, section)
    return Chips(writer.start, taps.prove, purchases.sell, purchases.resume, owed.pay_if_there)
