import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.clock import MORNING
from tests.web.authority import (
    PASS_TYPE,
    TEAM,
    Authority,
    believed_by_openssl,
    new_key,
    pem,
    write_key,
)
from web.phone.pass_signing import PassCertificateError, PassSigner

MANIFEST = b'{"pass.json":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}\n'


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def home(tmp_path: Path, authority: Authority) -> Path:
    authority.write(tmp_path, authority.pass_party())
    return tmp_path


def signer_of(home: Path) -> PassSigner:
    return PassSigner.load(home / "pass.pem", home / "pass.key", home / "wwdr.pem")


def openssl(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("openssl")
    assert program
    return subprocess.run([program, *words], cwd=home, capture_output=True, text=True, check=False)


def test_openssl_verifies_the_signature_and_refuses_a_changed_manifest(home: Path) -> None:
    (home / "signature").write_bytes(signer_of(home).sign(MANIFEST))
    (home / "manifest.json").write_bytes(MANIFEST)
    assert believed_by_openssl(home).returncode == 0
    (home / "manifest.json").write_bytes(MANIFEST.replace(b"da39", b"da38"))
    failed = believed_by_openssl(home)
    assert failed.returncode != 0
    assert "signature failure" in failed.stderr or "digest failure" in failed.stderr


def test_the_signature_is_detached_says_when_and_carries_both_certificates(home: Path) -> None:
    (home / "signature").write_bytes(signer_of(home).sign(MANIFEST))
    said = openssl(home, *["cms", "-cmsout", "-print", "-inform", "DER", "-in", "signature"]).stdout
    assert "eContent: <ABSENT>" in said
    assert "signingTime" in said
    assert "algorithm: sha256" in said
    words = ["pkcs7", "-inform", "DER", "-in", "signature", "-print_certs"]
    certificates = openssl(home, *words).stdout
    assert certificates.count("subject=") == 2


def test_a_signer_says_what_it_signs_for(home: Path) -> None:
    signer = signer_of(home)
    assert (signer.pass_type, signer.team) == (PASS_TYPE, TEAM)
    signer.check(pass_type=PASS_TYPE, team=TEAM, now=MORNING)


@pytest.mark.parametrize(
    ("pass_type", "team", "days", "says"),
    [
        ("pass.example.other", TEAM, 0, "is for the pass type pass.example.card"),
        (PASS_TYPE, "OTHER12345", 0, "is of team TEAM123456"),
        (PASS_TYPE, TEAM, -2, "pass certificate is not valid before"),
        (PASS_TYPE, TEAM, 301, "pass certificate ran out on"),
    ],
)
def test_a_pass_that_a_phone_would_refuse_is_not_signed_for(
    home: Path, pass_type: str, team: str, days: int, says: str
) -> None:
    now = MORNING + timedelta(days=days)
    with pytest.raises(PassCertificateError, match=says):
        signer_of(home).check(pass_type=pass_type, team=team, now=now)


def test_an_intermediate_that_ran_out_is_named(tmp_path: Path) -> None:
    short = Authority(days=10)
    short.write(tmp_path, short.pass_party())
    now = MORNING + timedelta(days=20)
    with pytest.raises(PassCertificateError, match=r"intermediate \(WWDR\) ran out"):
        signer_of(tmp_path).check(pass_type=PASS_TYPE, team=TEAM, now=now)


def test_a_key_of_another_certificate_is_named(home: Path) -> None:
    write_key(home / "pass.key", new_key())
    with pytest.raises(PassCertificateError, match="not the pass certificate's"):
        signer_of(home)


def test_an_intermediate_of_another_generation_is_named(home: Path) -> None:
    other = Authority()
    (home / "wwdr.pem").write_bytes(pem(other.intermediate.certificate))
    with pytest.raises(PassCertificateError, match="not issued by this intermediate"):
        signer_of(home)


def test_an_intermediate_that_is_not_apple_s_is_named(tmp_path: Path) -> None:
    unmarked = Authority(mark=False)
    unmarked.write(tmp_path, unmarked.pass_party())
    with pytest.raises(PassCertificateError, match="not Apple's WWDR"):
        signer_of(tmp_path)


def test_a_certificate_for_something_else_is_named(tmp_path: Path, authority: Authority) -> None:
    party = authority.pass_party(usage=ExtendedKeyUsageOID.EMAIL_PROTECTION)
    authority.write(tmp_path, party)
    with pytest.raises(PassCertificateError, match="not one for passes"):
        signer_of(tmp_path)


def test_a_certificate_with_another_subject_is_named(home: Path, authority: Authority) -> None:
    (home / "pass.pem").write_bytes(pem(authority.root.certificate))
    with pytest.raises(PassCertificateError, match="no UID"):
        signer_of(home)


@pytest.mark.parametrize("name", ["pass.pem", "pass.key", "wwdr.pem"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nx\n"])
def test_a_file_that_is_not_there_or_no_pem_is_named(
    home: Path, name: str, content: bytes | None
) -> None:
    if content is None:
        (home / name).unlink()
    else:
        (home / name).write_bytes(content)
    with pytest.raises(PassCertificateError, match=name):
        signer_of(home)


def test_a_key_that_others_can_read_is_refused(home: Path) -> None:
    (home / "pass.key").chmod(0o644)
    with pytest.raises(PassCertificateError, match="chmod 600"):
        signer_of(home)
