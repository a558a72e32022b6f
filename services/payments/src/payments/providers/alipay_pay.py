"""Alipay as a mini program uses it."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from servicekit.outbound import TIMEOUT_SECONDS, BaseUrl


class AlipayPaySettings(BaseModel):
    """A seller's app and keys; PAYMENTS_ALIPAY__APP_ID and so on."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    app_id: str
    seller_id: str = Field(pattern=r"^2088\d{12}$", description="Who gets the money: an account at Alipay")
    app_private_key: SecretStr = Field(description="Ours: PEM, or base64 of PKCS#1 or PKCS#8")
    platform_public_key: str = Field(description="Alipay's, for this app: PEM, or base64 of its SubjectPublicKeyInfo")
    base_url: BaseUrl = "https://openapi.alipay.com"
    timeout_seconds: float = Field(TIMEOUT_SECONDS, gt=0, le=30)
