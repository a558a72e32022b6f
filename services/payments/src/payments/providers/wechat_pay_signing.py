"""WeChat Pay v3's signatures and encryption: what we sign, what WeChat signed, and what it encrypted for us. Pure.

See "signatures" and "encryption" of https://pay.weixin.qq.com/doc/v3/merchant.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from servicekit import rsa_signing

SCHEME = "WECHATPAY2-SHA256-RSA2048"
ALGORITHM = "AEAD_AES_256_GCM"
PROBE = "WECHATPAY/SIGNTEST/"
"""How a signature begins by which WeChat sees whether we look at signatures: it must be refused."""
CLOCK_SECONDS = 300


class Unproven(Exception):
    """Nothing shows that this came from WeChat just now."""


class UnknownSerial(Unproven):
    """A key signed it that we have not: a new certificate, perhaps."""


class Sealed(msgspec.Struct):
    """What WeChat encrypted for us: a notification's `resource`, or a certificate."""

    algorithm: str
    ciphertext: str
    nonce: str
    associated_data: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One of WeChat's certificates: its key, and from when until when it counts."""

    key: RSAPublicKey
    not_before: datetime
    not_after: datetime


@dataclass
class PlatformKeys:
    """WeChat's keys by their serials: a public key of its own (`PUB_KEY_ID_...`), certificates, or both."""

    public_keys: Mapping[str, RSAPublicKey] = field(default_factory=dict)
    certificates: Mapping[str, Certificate] = field(default_factory=dict)

    def of(self, serial: str, at: datetime) -> RSAPublicKey:
        """The key of this serial. Raises UnknownSerial."""
        if serial in self.public_keys:
            return self.public_keys[serial]
        certificate = self.certificates.get(serial)
        if certificate is None or not certificate.not_before <= at <= certificate.not_after:
            raise UnknownSerial("a key signed it that is not known")
        return certificate.key


def authorization(
    merchant_id: str, serial: str, key: RSAPrivateKey, method: str, path: str, body: bytes, at: datetime, nonce: str
) -> str:
    """The Authorization header of a request; `path` is with its query, just as it is sent, and so is `body`."""
    timestamp = int(at.timestamp())
    signature = rsa_signing.sign(f"{method}\n{path}\n{timestamp}\n{nonce}\n".encode() + body + b"\n", key)
    return (
        f'{SCHEME} mchid="{merchant_id}",nonce_str="{nonce}",timestamp="{timestamp}",serial_no="{serial}",'
        f'signature="{signature}"'
    )


def client_parameters(app_id: str, prepay_id: str, key: RSAPrivateKey, at: datetime, nonce: str) -> dict[str, str]:
    """What wx.requestPayment takes on the payer's phone."""
    timestamp, package = str(int(at.timestamp())), f"prepay_id={prepay_id}"
    signature = rsa_signing.sign(f"{app_id}\n{timestamp}\n{nonce}\n{package}\n".encode(), key)
    return {"timeStamp": timestamp, "nonceStr": nonce, "package": package, "signType": "RSA", "paySign": signature}


def require_signed(headers: Mapping[str, str], body: bytes, keys: PlatformKeys, now: datetime) -> None:
    """Lets through what WeChat signed within the last five minutes; `body` is as it came. Raises Unproven."""
    serial, signature, timestamp, nonce = (
        headers.get(f"Wechatpay-{name}", "") for name in ("Serial", "Signature", "Timestamp", "Nonce")
    )
    if headers.get("Wechatpay-Signature-Type", SCHEME) != SCHEME:
        raise Unproven("it is signed in a way that we do not know")
    if not signature or signature.startswith(PROBE):
        raise Unproven("it is not signed")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        raise Unproven("it says no time")
    if abs(now.timestamp() - int(timestamp)) >= CLOCK_SECONDS:
        raise Unproven("it is of another time")
    if not nonce.isascii():
        raise Unproven("its nonce is none")
    message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    if not rsa_signing.is_signed(message, signature, keys.of(serial, now)):
        raise Unproven("its signature is not good")


def opened(sealed: Sealed, api_v3_key: bytes) -> bytes:
    """What was encrypted. Raises Unproven where it was not with our key, or was changed."""
    if sealed.algorithm != ALGORITHM:
        raise Unproven("it is encrypted in a way that we do not know")
    try:
        ciphertext = base64.b64decode(sealed.ciphertext, validate=True)
        return AESGCM(api_v3_key).decrypt(sealed.nonce.encode(), ciphertext, sealed.associated_data.encode())
    except (InvalidTag, binascii.Error, ValueError) as error:  # ValueError: a nonce of another length
        raise Unproven("it cannot be decrypted") from error


def certificates_of(pairs: Iterable[tuple[str, bytes]]) -> dict[str, Certificate]:
    """Certificates by their serials, of (serial, PEM). Raises Unproven where a serial is not its certificate's."""
    found: dict[str, Certificate] = {}
    for serial, pem in pairs:
        try:
            certificate = x509.load_pem_x509_certificate(pem)
            key = rsa_signing.require_rsa(certificate.public_key())
        except ValueError as error:
            raise Unproven("it holds no certificate") from error
        if f"{certificate.serial_number:X}" != serial.upper().lstrip("0"):
            raise Unproven("it gives a certificate another's serial")
        found[serial] = Certificate(key, certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    return found
