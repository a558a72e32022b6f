"""RSA signatures as China's payment platforms use them: SHA256withRSA (PKCS#1 v1.5), written in base64."""

import base64
import binascii
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

MIN_KEY_BITS = 2048
_ARMOUR = re.compile(r"-----[A-Z ]+-----|\s")


def sign(data: bytes, key: RSAPrivateKey) -> str:
    """The signature in base64."""
    return base64.b64encode(key.sign(data, PKCS1v15(), SHA256())).decode()


def is_signed(data: bytes, signature: str, key: RSAPublicKey) -> bool:
    """Whether the signature is the key's, for exactly these bytes, and written in the one right way."""
    try:
        decoded = base64.b64decode(signature, validate=True)
        key.verify(decoded, data, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return base64.b64encode(decoded).decode() == signature


def private_key(text: str) -> RSAPrivateKey:
    """A key as the platforms' tools give it: base64 of PKCS#1 or PKCS#8, with or without PEM's lines.

    Raises ValueError.
    """
    key = load_der_private_key(_der(text), password=None)
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"the platforms' keys are RSA of at least {MIN_KEY_BITS} bits")
    return key


def public_key(text: str) -> RSAPublicKey:
    """A public key, in the same forms. Raises ValueError."""
    return require_rsa(load_der_public_key(_der(text)))


def require_rsa(key: object) -> RSAPublicKey:
    """The key, where it is one that we trust. Raises ValueError."""
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"the platforms' keys are RSA of at least {MIN_KEY_BITS} bits")
    return key


def _der(text: str) -> bytes:
    return base64.b64decode(_ARMOUR.sub("", text), validate=True)
