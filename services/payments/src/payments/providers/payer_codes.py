"""A code that the payer's phone got from its platform becomes the payer's id within our app."""

import msgspec

from servicekit.outbound import CodeRefused, Outbound, PersonRefused, PlatformAway, TooOften

BAD_CODES = frozenset({40029, 40163})
"""Invalid or too old; used already."""
HIGH_RISK = 40226
RATE_LIMITS = frozenset({45009, 45011})
RETRY_SECONDS = 60


class _Session(msgspec.Struct):
    """`session_key` is no field: it is dropped while the answer is read."""

    errcode: int = 0
    openid: str = ""


async def wechat_payer(http: Outbound, base_url: str, app_id: str, app_secret: str, code: str) -> str:
    """The openid. Raises CodeRefused, PersonRefused, TooOften, PlatformAway; the code is spent by the first exchange.

    https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/user-login/code2Session.html
    """
    query = {"appid": app_id, "secret": app_secret, "js_code": code, "grant_type": "authorization_code"}
    status, body = await http.send("GET", f"{base_url}/sns/jscode2session", params=query)
    try:
        session = msgspec.json.decode(body, type=_Session)
    except msgspec.DecodeError:
        raise PlatformAway(f"an answer that is not WeChat's (status {status})") from None
    if session.errcode in BAD_CODES:
        raise CodeRefused(f"WeChat's error {session.errcode}")
    if session.errcode == HIGH_RISK:
        raise PersonRefused(f"WeChat's error {session.errcode}")
    if session.errcode in RATE_LIMITS:
        raise TooOften(RETRY_SECONDS)
    if session.errcode or not session.openid:
        raise PlatformAway(f"WeChat's error {session.errcode}")
    return session.openid
