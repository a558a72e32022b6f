"""What the routes about ways to sign in take and give."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from identity.http_models.me import Model, SignInWay

ProviderCode = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
"""A code as WeChat and Alipay make them."""


class PhoneProof(Model):
    """The code that was sent to the phone, and the request that sent it (POST /v1/otp-requests)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "phone", "request_id": "0190f3a1-7c1e-7cc3-98c4-dc0c0c07398f", "code": "492817"},
            ]
        }
    )

    kind: Literal["phone"]
    request_id: UUID
    code: Annotated[str, Field(pattern=r"^[0-9]{6,10}$", examples=["492817"])]


class WechatProof(Model):
    """The code of the mini program's wx.login."""

    kind: Literal["wechat"]
    js_code: Annotated[ProviderCode, Field(examples=["0a1Bc2000DEFgH1ijK000LmNop0Bc21q"])]


class AlipayProof(Model):
    """The code of the mini program's my.getAuthCode."""

    kind: Literal["alipay"]
    auth_code: Annotated[ProviderCode, Field(examples=["4b203fe6c11548bcabd8da5bb087a83b"])]


class OfferProof(Model):
    """What the answer `identity-taken` held: the login was proved a moment ago."""

    kind: Literal["offer"]
    merge_offer: Annotated[
        str, Field(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9_=-]+$", examples=["q83vEjRWeJA="])
    ]


Proof = Annotated[PhoneProof | WechatProof | AlipayProof, Field(discriminator="kind")]
MergeProof = Annotated[PhoneProof | WechatProof | AlipayProof | OfferProof, Field(discriminator="kind")]


class SignInWays(Model):
    """All ways in which the person signs in."""

    identities: list[SignInWay]


class MergedAccount(SignInWays):
    """The account that is left."""

    user_id: UUID
    merged_user_id: Annotated[
        UUID | None, Field(description="The account that became a part of it; null where there was nothing to do")
    ]
