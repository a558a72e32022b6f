"""WeChat Pay v3 as a mini program uses it."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from servicekit.outbound import TIMEOUT_SECONDS, BaseUrl


class WechatPaySettings(BaseModel):
    """A merchant's app and keys; PAYMENTS_WECHAT__APP_ID and so on."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    app_id: str
    app_secret: SecretStr = Field(description="The mini program's: exchanges a payer's code")
    merchant_id: str
    merchant_serial: str = Field(description="The serial number of our certificate, which goes with our key")
    merchant_private_key: SecretStr = Field(description="Ours: PEM, or base64 of PKCS#1 or PKCS#8")
    api_v3_key: SecretStr = Field(min_length=32, max_length=32, description="Opens what WeChat encrypts for us")
    platform_key_id: str = Field(
        "", pattern=r"^(PUB_KEY_ID_\w+)?$", description="WeChat's public key's; empty: it signs with certificates"
    )
    platform_public_key: str = Field("", description="That key: PEM, or base64 of its SubjectPublicKeyInfo")
    base_url: BaseUrl = "https://api.mch.weixin.qq.com"
    login_base_url: BaseUrl = "https://api.weixin.qq.com"
    timeout_seconds: float = Field(TIMEOUT_SECONDS, gt=0, le=30)
