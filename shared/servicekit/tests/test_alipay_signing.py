"""Alipay's RSA2, beside signatures that OpenSSL made, and whatever JSON a liar may send."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from servicekit import alipay_signing as signing
from servicekit import rsa_signing

# openssl genrsa 2048; the private half was thrown away
PUBLIC_KEY = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyfH1IKvQEQ5gWB/N4fdCDdGv4WT9htoVNzzWsj67bE/o6tC/BxzVkyASIfPdPbI/gj"
    "4W6NR59sFim5f70/wfNYhJqG8si1QCYQuXFXPwjS7qGLHimbRol/3K3iJzCGRR4ryz93573PeEeISaA7T71FgD46ge7EQCBO71JYPqO1JYfvbB"
    "eGzZ7LWxqOURB9s46Oziz7iCfKz9pLopxeXFkD3tVlpeTrXcmXtBJYBg8PW56Rd6JTVgGF97Y1yq7Ti+MVfNaIUl2t57elB2Flo3waSKGGZORe"
    "oK2Chpbr4c0cUJCIvI4uQynP1erF/mbo0/AdHTOqbl92AukB0NhNpuSQIDAQAB"
)
REQUEST = {
    "timestamp": "2026-11-25 19:00:00", "app_id": "2021000000000000", "version": "1.0", "sign_type": "RSA2",
    "code": "4b203fe6c11548bcabd8da5bb087a83b", "charset": "utf-8", "method": "alipay.system.oauth.token",
    "app_auth_token": "", "sign": "no part of what is signed",
}  # fmt: skip
# openssl dgst -sha256 -sign key.pem, over REQUEST as Alipay's documents join it
REQUEST_SIGNATURE = (
    "qQv49P7QxS4SoTCqNZov4YzvUmFkihvmU0yMcTIMJMnTTDFAakgjw0yllwU5a6ERvbJq0LGsWN/dpWiPnLHdb59skYysT/6g4fX7AXCabFiXe3"
    "WN8Yfa2tFL/QvbCknviCPrgzsmphEc+7LLVvUUbewpE07U3QRGE/Yt8i/qlkyixi5GIE0OCrSiNJihW8nm/P4LBGEdlnsFKCTCTOCpjz2iN3ZM"
    "eC7zu+7tmVgKneLbkUaLFWMXlFFsJMcZZf1uLpJ9wB0AEsUhGIQq3AHeQf4EvHkAa2QW4Bu7NjAh6l5cbLRh3+eyyFwUT5eT/tuoYfQeMVBPfs"
    "uFMYzIFml96w=="
)
ANSWER = r'{"open_id":"canary-中文 \/ x","expires_in":1296000}'
ANSWER_SIGNATURE = (
    "hcpxgku6/yTzdFVEJcpj0vgWDCBSS8siaHS84/8jOAhYeHGL/iQNFpvKCTC9O0Fu7kL/t2hTu6F7to9MpAKJejYyw0488LqerCiCLmbuOGVlm1"
    "NhS68Txt4vmSZnRHZXqpXD/F0b6oBx13AMsviOitzDNoNrnyTcmaxR3k9/YFRO9zRdfuUAPrqiU+ep1l0fHqN7WLzF+DYE+8apGo9koACdY8S6"
    "rA97hdvsNmpl2+94p/nMEkRC+0FBPkBikPcisY/hOWCFSa/hDmSWxYhEM4L7J9H1QG91z+9JX8CMrL02eN9CpGxYQBw5LBocSjtzP93VEcspz2"
    "IhTAINgfAgDg=="
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_openssl_signed_the_text_that_we_make_of_a_request():
    key = rsa_signing.public_key(PUBLIC_KEY)
    assert signing.is_signed(signing.text_to_sign(REQUEST), REQUEST_SIGNATURE, key)
    changed = signing.text_to_sign(REQUEST | {"code": "another"})
    assert not signing.is_signed(changed, REQUEST_SIGNATURE, key)


def test_a_signature_covers_the_part_as_it_was_sent():
    key = rsa_signing.public_key(PUBLIC_KEY)
    document = f'\n{{"alipay_system_oauth_token_response" : {ANSWER} ,\t"sign":"{ANSWER_SIGNATURE}"}} '
    sent = signing.parts_as_sent(document)["alipay_system_oauth_token_response"]
    assert signing.is_signed(sent, ANSWER_SIGNATURE, key)
    written_again = json.dumps(json.loads(sent), ensure_ascii=False, separators=(",", ":"))
    assert not signing.is_signed(written_again, ANSWER_SIGNATURE, key)


@pytest.mark.parametrize("signature", ["", "no base64!", "AAAA", ANSWER_SIGNATURE[:-4], REQUEST_SIGNATURE])
def test_any_other_signature_is_none(signature: str):
    assert not signing.is_signed(ANSWER, signature, rsa_signing.public_key(PUBLIC_KEY))


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_keys_come_in_the_forms_that_alipay_s_tools_write(form: PrivateFormat, encoding: Encoding):
    key = rsa.generate_private_key(65537, 2048)
    written = key.private_bytes(encoding, form, NoEncryption())
    text = base64.b64encode(written).decode() if encoding is Encoding.DER else written.decode()
    signature = signing.sign("a=1&b=中文", rsa_signing.private_key(text))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert signing.is_signed("a=1&b=中文", signature, rsa_signing.public_key(public))
    assert signing.sign("a=1&b=中文", key) == signature  # PKCS#1 v1.5 is the same each time


def test_other_keys_are_refused():
    curve = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(ValueError, match="RSA"):
        rsa_signing.private_key(
            curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        )  # fmt: skip
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is what is refused
    with pytest.raises(ValueError, match="2048"):
        rsa_signing.public_key(
            short.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        )


@given(st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=4), st.sampled_from([None, 1]))
def test_parts_of_any_object_are_found_as_they_stand(document: dict[str, Any], indent: int | None):
    parts = signing.parts_as_sent(json.dumps(document, indent=indent))
    assert {name: json.loads(text) for name, text in parts.items()} == document


@pytest.mark.parametrize(
    "document",
    [
        "", "{", "{}", "[]", "null", '{"a":1', '{"a":1}x', '{"a":1,}', '{"a":1 "b":2}', "{1:2}", '{"a"}', '{"a":}',
        '{"response":{"open_id":"a"},"response":{"open_id":"b"}}',
    ],
)  # fmt: skip
def test_anything_else_is_refused(document: str):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it is, it is refused
        signing.parts_as_sent(document)
