"""Certificates for gateways and for those who come through them, by an authority of the operator's own."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.domain.errors import UserError
from app.sandboxes.gateway_trust import AUTHORITY, CERTIFICATE, KEY
from app.setup.settings_file import write_private

# The folder of those who ask: every worker of models may have the same.
ASKING = "llm"
# The authority's key is made for years, and copied nowhere; the others are renewed by the same command.
_AUTHORITY_LASTS = timedelta(days=3650)
LASTS = timedelta(days=730)
_EARLIER = timedelta(minutes=5)


def issue(authority: Path, folder: Path, name: str, *, now: datetime | None = None) -> None:
    """Fill the folder of one machine: of the gateway that is asked for by that name, or of ASKING, who asks."""
    at = now or datetime.now(UTC)
    issuer, issuer_key = _authority(authority, at)
    key = ec.generate_private_key(ec.SECP256R1())
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if name == ASKING else ExtendedKeyUsageOID.SERVER_AUTH
    builder = _builder(name, key, at, LASTS).issuer_name(issuer.subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
    )
    if name != ASKING:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name)]), critical=False)
    certificate = builder.sign(issuer_key, hashes.SHA256())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(folder / AUTHORITY, _pem(issuer))
    write_private(folder / CERTIFICATE, _pem(certificate))
    write_private(folder / KEY, _key_pem(key))


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The one that is there, or a new one."""
    if (folder / KEY).exists():
        key = serialization.load_pem_private_key((folder / KEY).read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise UserError(f"{folder / KEY} is no key of ours; move {folder} away, and a new authority is made.")
        return x509.load_pem_x509_certificate((folder / AUTHORITY).read_bytes()), key
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("Corrigent gateways", key, now, _AUTHORITY_LASTS)
    builder = builder.issuer_name(x509.Name([_common_name("Corrigent gateways")]))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_MAY_SIGN, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The key last: with it the authority counts as made.
    write_private(folder / AUTHORITY, _pem(certificate))
    write_private(folder / KEY, _key_pem(key))
    return certificate, key


_MAY_SIGN = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _builder(name: str, key: ec.EllipticCurvePrivateKey, now: datetime, lasts: timedelta) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        subject_name=x509.Name([_common_name(name)]),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _EARLIER,
        not_valid_after=now + lasts,
    )


def _common_name(name: str) -> x509.NameAttribute[str]:
    # Longer ones do not fit here; who a machine is stands among its alternative names.
    return x509.NameAttribute(NameOID.COMMON_NAME, name[:64])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode()
