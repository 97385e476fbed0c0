"""Apple's part, played here: a root, an intermediate and pass certificates of the same shape.

Shape measured on passes in use: UID is the pass type, OU the team; the marks are Apple's OIDs.
"""

import subprocess
from datetime import timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.support.clock import MORNING
from web.phone.pass_signing import PASS_USAGE, WWDR_MARK

PASS_TYPE, TEAM = "pass.example.card", "TEAM123456"
SUBORDINATE_MARK = x509.UnrecognizedExtension(WWDR_MARK, b"\x05\x00")


class Party(msgspec.Struct, frozen=True):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


class Authority:
    """Issues pass certificates on ``MORNING`` through an intermediate, as Apple's WWDR does."""

    def __init__(self, *, days: int = 300, mark: bool = True) -> None:
        root, wwdr = _name("Stand-in Root"), _name("Stand-in WWDR")
        extensions = [SUBORDINATE_MARK] if mark else []
        self.root = _issue(root, None, days=days, path_length=1)
        self.intermediate = _issue(wwdr, self.root, days=days, path_length=0, extensions=extensions)

    def pass_party(
        self,
        *,
        pass_type: str = PASS_TYPE,
        team: str = TEAM,
        usage: ObjectIdentifier = PASS_USAGE,
        days: int = 300,
    ) -> Party:
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.USER_ID, pass_type),
                x509.NameAttribute(NameOID.COMMON_NAME, f"Pass Type ID: {pass_type}"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, team),
            ]
        )
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, usage])
        return _issue(name, self.intermediate, days=days, extensions=[usages])

    def write(self, home: Path, party: Party) -> None:
        """Write ``pass.pem``, ``pass.key``, ``wwdr.pem`` and ``root.pem``."""
        (home / "pass.pem").write_bytes(pem(party.certificate))
        (home / "wwdr.pem").write_bytes(pem(self.intermediate.certificate))
        (home / "root.pem").write_bytes(pem(self.root.certificate))
        write_key(home / "pass.key", party.key)


def believed_by_openssl(home: Path) -> subprocess.CompletedProcess[str]:
    """Have ``signature`` verified as ``manifest.json``'s, as a phone would on ``MORNING``."""
    verify = "openssl smime -verify -inform DER -in signature -content manifest.json -out said"
    # A pass certificate is none for mail, which is what smime asks for by default.
    options = f"-CAfile root.pem -purpose any -binary -attime {int(MORNING.timestamp())}"
    words = [*verify.split(), *options.split()]
    return subprocess.run(words, cwd=home, capture_output=True, text=True, check=False)


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def key_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_key(path: Path, key: rsa.RSAPrivateKey) -> None:
    path.touch(0o600)
    path.write_bytes(key_pem(key))


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _issue(
    subject: x509.Name,
    issuer: Party | None,
    *,
    days: int,
    path_length: int | None = None,
    extensions: list[x509.UnrecognizedExtension] | list[x509.ExtendedKeyUsage] | None = None,
) -> Party:
    key = new_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(MORNING - timedelta(days=1))
        .not_valid_after(MORNING + timedelta(days=days))
        .add_extension(x509.BasicConstraints(path_length is not None, path_length), critical=True)
    )
    for extension in extensions or []:
        builder = builder.add_extension(extension, critical=False)
    return Party(builder.sign(issuer.key if issuer else key, SHA256()), key)
