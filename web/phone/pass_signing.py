"""Signs Apple passes, after a look at the certificates: a bad chain is silent on the phone."""

from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
)
from cryptography.x509.oid import NameOID, ObjectIdentifier

from daemon.base.regular_files import read_file
from web.web_settings import WalletError

# Apple Worldwide Developer Relations, as measured on passes in use.
WWDR_MARK = ObjectIdentifier("1.2.840.113635.100.6.2.1")
PASS_USAGE = ObjectIdentifier("1.2.840.113635.100.4.14")


class PassCertificateError(WalletError):
    """The certificates cannot sign passes; the text says which is wrong and what to do."""


class PassSigner:
    """Signs manifests with the shop's pass certificate, and sends Apple's own along.

    pass_type, team: as the certificate says them; a pass must say the same.
    """

    def __init__(
        self,
        certificate: x509.Certificate,
        key: rsa.RSAPrivateKey,
        intermediate: x509.Certificate,
    ) -> None:
        self._certificate = certificate
        self._key = key
        self._intermediate = intermediate
        self.pass_type = _named(certificate, NameOID.USER_ID, "UID")
        self.team = _named(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME, "OU")
        self._check_chain()

    @classmethod
    def load(cls, certificate: Path, key: Path, intermediate: Path) -> "PassSigner":
        """Read three PEM files; the key's must not be readable by others.

        Raises: PassCertificateError.
        """
        return cls(_certificate(certificate), _private_key(key), _certificate(intermediate))

    def check(self, *, pass_type: str, team: str, now: datetime) -> None:
        """Make sure that a pass of ``pass_type`` and ``team`` would be believed ``now``.

        Raises: PassCertificateError.
        """
        if self.pass_type != pass_type:
            raise PassCertificateError(
                f"The certificate is for the pass type {self.pass_type}, the configuration says"
                f" {pass_type}."
            )
        if self.team != team:
            raise PassCertificateError(
                f"The certificate is of team {self.team}, the configuration says {team}."
            )
        for name, certificate in (
            ("pass certificate", self._certificate),
            ("intermediate (WWDR)", self._intermediate),
        ):
            if now < certificate.not_valid_before_utc:
                first = certificate.not_valid_before_utc.date()
                raise PassCertificateError(f"The {name} is not valid before {first}.")
            if now > certificate.not_valid_after_utc:
                last = certificate.not_valid_after_utc.date()
                raise PassCertificateError(f"The {name} ran out on {last}; renew it with Apple.")

    def sign(self, manifest: bytes) -> bytes:
        """Return the detached PKCS #7 signature over ``manifest``, DER, with its signing time."""
        return (
            PKCS7SignatureBuilder()
            .set_data(manifest)
            .add_signer(self._certificate, self._key, SHA256())
            .add_certificate(self._intermediate)
            .sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])
        )

    def _check_chain(self) -> None:
        public = self._certificate.public_key()
        if public != self._key.public_key():
            raise PassCertificateError("The private key is not the pass certificate's.")
        if not _has(self._intermediate, WWDR_MARK):
            raise PassCertificateError("The intermediate is not Apple's WWDR certificate.")
        try:
            self._certificate.verify_directly_issued_by(self._intermediate)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise PassCertificateError(
                "The pass certificate was not issued by this intermediate; Apple's page names the"
                " right generation (G4 for new certificates)."
            ) from error
        if PASS_USAGE not in _usages(self._certificate):
            raise PassCertificateError("The certificate is not one for passes.")


def _named(certificate: x509.Certificate, oid: ObjectIdentifier, name: str) -> str:
    found = certificate.subject.get_attributes_for_oid(oid)
    if len(found) != 1:
        raise PassCertificateError(f"The certificate's subject has no {name}: not one for passes.")
    return str(found[0].value)


def _has(certificate: x509.Certificate, oid: ObjectIdentifier) -> bool:
    return any(extension.oid == oid for extension in certificate.extensions)


def _usages(certificate: x509.Certificate) -> list[ObjectIdentifier]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return []


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(read_file(path))
    except (OSError, ValueError) as error:
        raise PassCertificateError(f"{path} is no PEM certificate: {error}") from error


def _private_key(path: Path) -> rsa.RSAPrivateKey:
    try:
        if path.stat().st_mode & 0o077:
            raise PassCertificateError(f"{path} can be read by others; chmod 600 it.")
        key = load_pem_private_key(read_file(path), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise PassCertificateError(f"{path} is no PEM key without a password: {error}") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise PassCertificateError(f"{path} is no RSA key, which Apple's certificates have.")
    return key
