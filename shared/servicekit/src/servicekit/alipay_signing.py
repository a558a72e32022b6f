"""Alipay's RSA2: SHA256withRSA over sorted parameters, and over the very bytes of an answer's part."""

import base64
import binascii
import json
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

MIN_KEY_BITS = 2048
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_ARMOUR = re.compile(r"-----[A-Z ]+-----|\s")


def text_to_sign(parameters: Mapping[str, str]) -> str:
    """`k=v` of all that have a value but `sign`, sorted by name, joined by `&`; nothing is percent-encoded."""
    return "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if value and name != "sign")


def sign(text: str, key: RSAPrivateKey) -> str:
    """The signature in base64."""
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def is_signed(text: str, signature: str, key: RSAPublicKey) -> bool:
    """Whether the signature is the key's, for exactly this text."""
    try:
        key.verify(base64.b64decode(signature, validate=True), text.encode(), PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def parts_as_sent(document: str) -> dict[str, str]:
    """The top level of a JSON object, each value as the text that was sent: a signature covers that, spaces and all.

    Raises ValueError for anything else, a name that comes twice included: it could be signed and not be what is read.
    """
    parts: dict[str, str] = {}
    position = _after(document, 0, "{")
    while True:
        name, position = _DECODER.raw_decode(document, position)
        start = _after(document, _space(document, position), ":")
        _, position = _DECODER.raw_decode(document, start)
        if not isinstance(name, str) or name in parts:
            raise ValueError("no object, or a name comes twice")
        parts[name] = document[start:position]
        position = _space(document, position)
        if document[position : position + 1] == "}":
            break
        position = _after(document, position, ",")
    if _space(document, position + 1) != len(document):
        raise ValueError("something follows the object")
    return parts


def private_key(text: str) -> RSAPrivateKey:
    """A key as Alipay's tools give it: base64 of PKCS#1 or PKCS#8, with or without PEM's lines. Raises ValueError."""
    key = load_der_private_key(_der(text), password=None)
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"Alipay's keys are RSA of at least {MIN_KEY_BITS} bits")
    return key


def public_key(text: str) -> RSAPublicKey:
    """A public key, in the same forms. Raises ValueError."""
    key = load_der_public_key(_der(text))
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"Alipay's keys are RSA of at least {MIN_KEY_BITS} bits")
    return key


def _der(text: str) -> bytes:
    return base64.b64decode(_ARMOUR.sub("", text), validate=True)


def _space(document: str, position: int) -> int:
    space = _SPACE.match(document, position)
    return space.end() if space else position


def _after(document: str, position: int, mark: str) -> int:
    """Where the next thing begins behind a mark that must be here."""
    position = _space(document, position)
    if document[position : position + 1] != mark:
        raise ValueError(f"no {mark} where one belongs")
    return _space(document, position + 1)
