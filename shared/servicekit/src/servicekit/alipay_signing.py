"""Alipay's RSA2: SHA256withRSA over sorted parameters, and over the very bytes of an answer's part."""

import json
import re
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from servicekit import rsa_signing

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


def text_to_sign(parameters: Mapping[str, str]) -> str:
    """`k=v` of all that have a value but `sign`, sorted by name, joined by `&`; nothing is percent-encoded."""
    return "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if value and name != "sign")


def sign(text: str, key: RSAPrivateKey) -> str:
    """The signature in base64."""
    return rsa_signing.sign(text.encode(), key)


def is_signed(text: str, signature: str, key: RSAPublicKey) -> bool:
    """Whether the signature is the key's, for exactly this text."""
    return rsa_signing.is_signed(text.encode(), signature, key)


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


def _space(document: str, position: int) -> int:
    space = _SPACE.match(document, position)
    return space.end() if space else position


def _after(document: str, position: int, mark: str) -> int:
    """Where the next thing begins behind a mark that must be here."""
    position = _space(document, position)
    if document[position : position + 1] != mark:
        raise ValueError(f"no {mark} where one belongs")
    return _space(document, position + 1)
