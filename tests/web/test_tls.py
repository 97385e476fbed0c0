"""The phone pages over HTTPS, with certificate files of the shop's own."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from daemon.base.config import ConfigError, convert
from tests.support.clock import HandClock
from tests.web.authority import new_key, pem, write_key
from tests.web.memory_desk import MemoryDesk
from web.web_server import WebServer, make_app
from web.web_settings import WebSettings

FILES = WebSettings(port=0, certificate="web.pem", key="web.key")


def certificate_of(key: rsa.RSAPrivateKey) -> x509.Certificate:
    """Sign one for 127.0.0.1 with its own key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "card.example")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, SHA256())
    )


def write_tls_files(home: Path) -> None:
    """Write ``web.pem`` and ``web.key``."""
    key = new_key()
    (home / "web.pem").write_bytes(pem(certificate_of(key)))
    write_key(home / "web.key", key)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_tls_files(tmp_path)
    return tmp_path


def server(home: Path, settings: WebSettings = FILES) -> WebServer:
    return WebServer(make_app(MemoryDesk(), settings, HandClock()), settings, home)


async def test_pages_are_served_over_https_and_cookies_stay_there(home: Path) -> None:
    web = server(home)
    await web.start()
    try:
        assert web.address.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=home / "web.pem")
        async with aiohttp.ClientSession() as browser:
            async with browser.get(f"{web.url}/join", ssl=trusted) as answer:
                assert answer.status == 200
                cookies = answer.headers.getall("Set-Cookie")
            assert cookies
            assert all("Secure" in cookie for cookie in cookies)
            for path in ("/join", "/static/web.css", "/nothing"):
                async with browser.get(web.url + path, ssl=trusted) as answer:
                    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
            with pytest.raises(aiohttp.ClientError):
                await browser.get(web.url.replace("https", "http"))
            async with browser.get(f"{web.url}/healthz", ssl=trusted) as answer:
                assert answer.status == 200, "what is not TLS troubles nobody else"
    finally:
        await web.stop()


def test_a_key_that_others_can_read_is_refused(home: Path) -> None:
    (home / "web.key").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600") as caught:
        server(home)
    assert caught.value.path == "web.key"


def locked(home: Path) -> None:
    form = (Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (home / "web.key").write_bytes(new_key().private_bytes(*form))


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda home: (home / "web.pem").unlink(), "No such file"),
        (lambda home: (home / "web.pem").write_text("no certificate"), "PEM"),
        (lambda home: (home / "web.key").write_bytes(b""), "PEM"),
        (lambda home: write_key(home / "web.key", new_key()), "MISMATCH"),
        (locked, "openssl pkey"),
    ],
    ids=["absent", "no certificate", "no key", "another's key", "a password"],
)
def test_files_that_cannot_serve_are_named(home: Path, spoil: object, word: str) -> None:
    assert callable(spoil)
    spoil(home)
    with pytest.raises(ConfigError, match=word) as caught:
        server(home)
    assert caught.value.path == "web.certificate"


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"https": True}, "public_url and proxies"),
        ({"https": True, "public_url": "https://card.example"}, "public_url and proxies"),
        ({"https": True, "proxies": ["127.0.0.1"]}, "public_url and proxies"),
        (
            {"https": True, "proxies": ["127.0.0.1"], "public_url": "http://card.example"},
            "begins with https",
        ),
        (
            {"certificate": "web.pem", "key": "web.key", "public_url": "http://card.example"},
            "begins with https",
        ),
    ],
)
def test_words_about_https_that_contradict_each_other_are_refused(
    said: dict[str, object], word: str
) -> None:
    with pytest.raises(ConfigError, match=word):
        convert(said, WebSettings, "web")


@pytest.mark.parametrize("half", [{"certificate": "web.pem"}, {"key": "web.key"}])
def test_a_certificate_without_its_key_is_refused(half: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="come together"):
        convert(half, WebSettings, "web")
