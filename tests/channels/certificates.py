"""Certificates made for a test: good ones, and each kind that must not be believed."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

DAY = timedelta(days=1)


class Authority:
    """Signs for anybody. `file` is its own certificate, for those who trust it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key, self._name = folder, generate_private_key(SECP256R1()), _named("Test authority")
        self.file = folder / "authority.pem"
        own = self._certificate(self._name, self._key, days=1).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file.write_bytes(own.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def server(self, name: x509.GeneralName | None = None, days: int = 1) -> ssl.SSLContext:
        """What a server shows: a certificate for 127.0.0.1, or that name. days: until it expires; below zero it has."""
        key = generate_private_key(SECP256R1())
        names = x509.SubjectAlternativeName([name or x509.IPAddress(ip_address("127.0.0.1"))])
        built = self._certificate(_named("server"), key, days).add_extension(names, critical=False).sign(self._key, SHA256())
        file = self._folder / f"server-{built.serial_number}.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(secret + built.public_bytes(Encoding.PEM))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context

    def _certificate(self, subject: x509.Name, key: EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * DAY)
            .not_valid_after(now + days * DAY)
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
