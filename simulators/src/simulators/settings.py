"""Settings from SIMULATORS_* variables."""

from pydantic_settings import SettingsConfigDict

from servicekit.settings import ServiceSettings
from simulators.alipay import AlipaySettings
from simulators.alipay_pay import AlipayPaySettings
from simulators.sms import SmsSettings
from simulators.wechat import WechatSettings
from simulators.wechat_pay_signing import WechatPaySettings


class Settings(ServiceSettings):
    """What the simulators need. They have no store: a restart forgets everything, as a test wishes."""

    model_config = SettingsConfigDict(
        env_prefix="SIMULATORS_", env_nested_delimiter="__", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    service: str = "simulators"
    wechat: WechatSettings
    alipay: AlipaySettings
    sms: SmsSettings
    wechat_pay: WechatPaySettings
    alipay_pay: AlipayPaySettings
