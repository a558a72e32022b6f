"""Text messages on a local stack: identity sends by both providers' protocols, the simulators play the providers."""

from local_stack.config import Config
from local_stack.secrets import Secrets
from local_stack.services import SERVICE_BY_NAME

LOCAL_LIMITS = {
    "OTP__SENDS_PER_NETWORK": "100000",
    "OTP__SENDS_PER_DEVICE": "100000",
    "OTP__SENDS_PER_PREFIX": "100000",
    "OTP__SENDS_PER_DAY": "1000000",
    "OTP__JUDGED_SENDS": "100000",
}
"""All people of a local stack share one address and one made-up prefix; each phone has its real limits."""


def identity_settings(config: Config, secrets: Secrets) -> dict[str, str]:
    """How identity reaches the providers."""
    url = SERVICE_BY_NAME["simulators"].url(config)
    return LOCAL_LIMITS | {
        "SMS__ALIYUN__BASE_URL": url,
        "SMS__ALIYUN__KEY_ID": "forecourt-local",
        "SMS__ALIYUN__KEY_SECRET": secrets["sms.aliyun"],
        "SMS__ALIYUN__SIGN_NAME": "Forecourt",
        "SMS__ALIYUN__TEMPLATES": (
            '{"code zh": "SMS_100001", "code en": "SMS_100002", '
            '"login-changed zh": "SMS_100003", "login-changed en": "SMS_100004"}'
        ),
        "SMS__TWILIO__BASE_URL": url,
        "SMS__TWILIO__ACCOUNT_SID": "AC" + "0" * 32,
        "SMS__TWILIO__AUTH_TOKEN": secrets["sms.twilio"],
        "SMS__TWILIO__SENDER": "+12025550100",
    }


def simulator_settings(secrets: Secrets) -> dict[str, str]:
    """How the simulators know identity; a person at work asks for codes faster than Alibaba Cloud would send them.

    They write no traces: a platform outside is asked with people's numbers in its URLs, and would not tell us.
    """
    return {
        "TRACES_FILE": "",
        "SMS__ALIYUN_KEY_SECRET": secrets["sms.aliyun"],
        "SMS__TWILIO_AUTH_TOKEN": secrets["sms.twilio"],
        "SMS__ALIYUN_PER_MINUTE": "0",
        "SMS__ALIYUN_PER_HOUR": "0",
        "SMS__ALIYUN_PER_DAY": "0",
        "SMS__TWILIO_PER_SECOND": "0",
    }
