"""Cards for other people's wallets: Apple passes and Google save links, as the shop set them up."""

import io
from datetime import datetime
from pathlib import Path

from PIL import Image, ImageDraw

from card_formats.phone.apple_pass import Field, StoreCard, bundle, manifest_json, pass_json
from card_formats.phone.google_wallet import LoyaltyCard
from daemon.base.clock import Clock, rfc3339
from daemon.shop.phone_card_views import (
    CardState,
    CardView,
    Coupon,
    ShownBalance,
    WalletCard,
)
from web.page_language import Language
from web.phone.google_link import ServiceAccount, save_link
from web.phone.pass_signing import PassSigner
from web.web_settings import AppleSettings, GoogleSettings, WebSettings

PASSES = "/passes"
ICON_POINTS = 29


class Wallets:
    """What can be made. Settings, keys and certificates are checked here, at the start.

    Raises: WalletError.
    """

    def __init__(self, settings: WebSettings, home: Path, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.apple = ApplePasses(settings, settings.apple, home, clock) if settings.apple else None
        self.google = GoogleLinks(settings, settings.google, home) if settings.google else None

    @property
    def kinds(self) -> list[str]:
        """The wallets a card page offers; Catima needs no account."""
        offered = {"apple": self.apple, "google": self.google, "catima": self}
        return [kind for kind, maker in offered.items() if maker is not None]


class ApplePasses:
    """Makes signed passes."""

    def __init__(
        self, settings: WebSettings, apple: AppleSettings, home: Path, clock: Clock
    ) -> None:
        self._settings = settings
        self._apple = apple
        self._clock = clock
        self._signer = PassSigner.load(
            home / apple.certificate, home / apple.key, home / apple.intermediate
        )
        self._check()
        self._icons = {
            f"icon{suffix}.png": icon(ICON_POINTS * scale)
            for suffix, scale in (("", 1), ("@2x", 2), ("@3x", 3))
        }

    @property
    def pass_type(self) -> str:
        """The pass type that every pass here has."""
        return self._apple.pass_type

    def make(self, card: WalletCard, language: Language, token: str) -> bytes:
        """Return the ``.pkpass`` of a card. Raises: PassCertificateError, CardFormatError."""
        self._check()
        files = {"pass.json": pass_json(self._store_card(card, language, token)), **self._icons}
        manifest = manifest_json(files)
        return bundle(files, manifest, self._signer.sign(manifest))

    def _check(self) -> None:
        apple = self._apple
        self._signer.check(pass_type=apple.pass_type, team=apple.team, now=self._clock.now())

    def _store_card(self, card: WalletCard, language: Language, token: str) -> StoreCard:
        view, shop = card.view, self._settings.shop_name
        balances = tuple(
            self._field(index, balance, language) for index, balance in enumerate(view.balances)
        )
        holder = [Field("name", language.say("pass.name"), view.name)] if view.name else []
        status = [Field("status", language.say("pass.status"), view.status)] if view.status else []
        use = Field("use", language.say("pass.use"), language.say("pass.collects"))
        coupon: tuple[Field, ...] = ()
        if view.coupon:
            offer = _offer(view.coupon, language, shop)
            coupon = (Field("offer", language.say("coupon.title"), offer),)
        # Devices reach the shop from anywhere, so only a public address is given to them.
        updates = self._settings.public_url.startswith("https://")
        return StoreCard(
            pass_type=self._apple.pass_type,
            team=self._apple.team,
            organisation=shop,
            serial=card.serial,
            description=language.say("pass.coupon" if coupon else "pass.description", shop=shop),
            number=view.number,
            barcode=self._apple.barcode,
            number_text=grouped(view.number),
            primary=coupon or balances[:1],
            secondary=(
                *holder,
                *status,
                *_ends(view, language),
                *([] if coupon else balances[1:]),
            ),
            back=(
                Field("number", language.say("pass.number"), grouped(view.number)),
                *([] if coupon else [use]),
            ),
            web_service=self._settings.public_url + PASSES if updates else "",
            token=token if updates else "",
            until=_end(view.until_at),
            voided=view.state is not CardState.ACTIVE,
        )

    def _field(self, index: int, balance: ShownBalance, language: Language) -> Field:
        name = self._settings.balance_name(balance.purse, language.code)
        return Field(
            key=f"balance-{index}",
            label=name,
            value=language.amount(balance.amount, balance.currency),
            change_message=f"{name}: %@",
        )


class GoogleLinks:
    """Makes signed save links."""

    def __init__(self, settings: WebSettings, google: GoogleSettings, home: Path) -> None:
        self._settings = settings
        self._google = google
        self._account = ServiceAccount.load(home / google.account)

    def make(self, card: WalletCard, language: Language, now: datetime) -> str:
        """Return the address that puts a card into Google Wallet."""
        balance = card.view.balances[0] if card.view.balances else None
        coupon = card.view.coupon
        name = self._settings.balance_name(balance.purse, language.code) if balance else ""
        loyalty_card = LoyaltyCard(
            issuer_id=self._google.issuer_id,
            class_id=self._google.class_id,
            serial=card.serial,
            number=card.view.number,
            alternate_text=grouped(card.view.number),
            name=card.view.name,
            balance_label=name,
            balance=language.amount(balance.amount, balance.currency) if balance else "",
            until=_end(card.view.until_at),
            offer_label=language.say("coupon.title"),
            offer=_offer(coupon, language, self._settings.shop_name) if coupon else "",
        )
        now_s = int(now.timestamp())
        return save_link(self._account, loyalty_card, now_s=now_s, origin=self._settings.public_url)


def grouped(number: str) -> str:
    """Return a number as it is printed: in groups of four."""
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def icon(pixels: int) -> bytes:
    """Draw the square sign of a card, bars on green, as a PNG."""
    picture = Image.new("RGB", (pixels, pixels), (20, 80, 63))
    canvas = ImageDraw.Draw(picture)
    unit = pixels / ICON_POINTS
    for left, width in ((6, 2), (10, 1), (13, 3), (18, 1), (21, 2)):
        box = (left * unit, 8 * unit, (left + width) * unit - 1, 21 * unit - 1)
        canvas.rectangle([round(side) for side in box], fill=(255, 255, 255))
    png = io.BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()


def _end(until_at: datetime | None) -> str:
    """Return a moment as wallets take it: whole seconds, with an offset."""
    return rfc3339(until_at, "seconds") if until_at else ""


def _ends(view: CardView, language: Language) -> list[Field]:
    """Say the last day of a card, and how often a coupon is good yet."""
    fields = []
    if view.until:
        fields.append(Field("until", language.say("pass.until"), language.day(view.until)))
    if view.coupon and view.coupon.uses_left is not None:
        fields.append(Field("uses", language.say("pass.uses"), str(view.coupon.uses_left)))
    return fields


def _offer(coupon: Coupon, language: Language, shop: str) -> str:
    """Return what a coupon is good for, in the shop's words."""
    return coupon.text[language.code] or shop
