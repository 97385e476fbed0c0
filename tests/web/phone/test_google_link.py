import base64
import json
import subprocess
from pathlib import Path

import jwt
import pytest

from card_formats.phone.google_wallet import LINK_CHARS_MAX, SAVE, LoyaltyCard
from tests.web.authority import key_pem, new_key
from web.phone.google_link import GoogleAccountError, ServiceAccount, save_link

CARD = LoyaltyCard(
    issuer_id="3388000000012345678",
    class_id="bakery-card",
    serial="c0123456789abcdef",
    number="9100000000000125",
    alternate_text="9100 0000 0000 0125",
    name="Olha Kovalenko",
    balance_label="Bonus",
    balance="1,240.50 UAH",
)
KEY = new_key()


@pytest.fixture
def account_file(tmp_path: Path) -> Path:
    path = tmp_path / "google.json"
    path.touch(0o600)
    said = {
        "type": "service_account",
        "client_email": "w@x.iam",
        "private_key": key_pem(KEY).decode(),
    }
    path.write_text(json.dumps(said))
    return path


def test_openssl_verifies_a_save_link(account_file: Path, tmp_path: Path) -> None:
    link = save_link(
        ServiceAccount.load(account_file), CARD, now_s=1_795_000_000, origin="https://card.example"
    )
    assert link.startswith(SAVE)
    token = link.removeprefix(SAVE)
    assert len(token) <= LINK_CHARS_MAX
    signed, _, signature = token.rpartition(".")
    (tmp_path / "signed").write_text(signed)
    (tmp_path / "signature").write_bytes(base64.urlsafe_b64decode(signature + "=="))
    (tmp_path / "key.pem").write_bytes(key_pem(KEY))
    verify = "openssl dgst -sha256 -prverify key.pem -signature signature signed"
    done = subprocess.run(verify.split(), cwd=tmp_path, capture_output=True, check=False)
    assert done.stdout == b"Verified OK\n"
    claims = jwt.decode(token, options={"verify_signature": False}, audience="google")
    assert claims["iss"] == "w@x.iam"
    assert claims["origins"] == ["https://card.example"]
    assert claims["payload"]["loyaltyObjects"][0]["accountName"] == "Olha Kovalenko"


@pytest.mark.parametrize(("label", "has_balance"), [("Б" * 20, True), ("Б" * 200, False)])
def test_a_long_name_is_left_out_rather_than_the_link_cut(
    account_file: Path, label: str, has_balance: bool
) -> None:
    account = ServiceAccount.load(account_file)
    long = LoyaltyCard(
        issuer_id=CARD.issuer_id,
        class_id="c" * 60,
        serial=CARD.serial,
        number=CARD.number,
        alternate_text=CARD.alternate_text,
        name="Щ" * 80,
        balance_label=label,
        balance="1,240.50 UAH",
    )
    link = save_link(account, long, now_s=1_795_000_000, origin="https://card.example")
    assert len(link.removeprefix(SAVE)) <= LINK_CHARS_MAX
    claims = jwt.decode(link.removeprefix(SAVE), options={"verify_signature": False})
    card = claims["payload"]["loyaltyObjects"][0]
    assert "accountName" not in card
    assert ("loyaltyPoints" in card) == has_balance


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"client_email":"a","private_key":"b"}', b"\xff"]
)
def test_a_file_that_is_no_account_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "google.json"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(GoogleAccountError, match=r"google\.json"):
        ServiceAccount.load(path)


def test_a_file_that_others_can_read_is_refused(account_file: Path) -> None:
    account_file.chmod(0o644)
    with pytest.raises(GoogleAccountError, match="chmod 600"):
        ServiceAccount.load(account_file)


def test_an_account_s_repr_keeps_its_key(account_file: Path) -> None:
    assert "PRIVATE" not in repr(ServiceAccount.load(account_file))
