"""What the use cases work with."""

from functools import partial

from payments.domain.provider_words import Provider
from payments.providers.alipay_pay import AlipayPay
from payments.providers.channel import Channel
from payments.providers.fapiao import FapiaoIssuer
from payments.providers.loyalty import Loyalty
from payments.providers.wechat_fapiao import WechatFapiao
from payments.providers.wechat_pay import WechatPay
from payments.repository import card_payments
from payments.settings import Settings
from payments.use_cases.group_commit import GroupCommit
from servicekit.data_keys import PostgresDataKeys
from servicekit.erasures import PostgresErasures
from servicekit.keyring import FileKeys, KeyRing
from servicekit.outbound import Outbound
from servicekit.postgres import PostgresStore
from servicekit.typesetting import Typesetter
from servicekit.vault import Vault


class Payments:
    """One process of the service."""

    def __init__(self, settings: Settings, store: PostgresStore) -> None:
        self.settings = settings
        self.store = store
        self.ring = KeyRing(FileKeys(settings.keyring_file))
        self.vault = Vault(self.ring, PostgresDataKeys())
        self.erasures = PostgresErasures(store)
        self.http = Outbound()
        self.channels: dict[Provider, Channel] = {}
        if settings.wechat:
            self.channels[Provider.WECHAT] = WechatPay(settings.wechat, self.http, settings.public_url)
        if settings.alipay:
            self.channels[Provider.ALIPAY] = AlipayPay(settings.alipay, self.http, settings.public_url)
        self.card_charges = GroupCommit(partial(card_payments.write, store), name="Paying by fuel card", most_writers=2)
        self.typesetter = Typesetter("payments")
        self.fapiao: FapiaoIssuer | None = None
        if settings.wechat and settings.fapiao:
            self.fapiao = WechatFapiao(settings.wechat, settings.fapiao, self.http)
        self.loyalty = Loyalty(settings.loyalty) if settings.loyalty else None
