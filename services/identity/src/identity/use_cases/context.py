"""What the use cases work with."""

import asyncio
import time

from joserfc.jwk import ECKey

from identity import tokens
from identity.domain.signing_keys import active_key
from identity.domain.wrong_secrets import WrongSecretLimit
from identity.providers.alipay import Alipay
from identity.providers.personal_data import OtherServices
from identity.providers.sms import SmsSenders
from identity.providers.wechat import Wechat
from identity.repository import keys as repository
from identity.settings import Settings
from identity.use_cases.password_work import PasswordWork
from servicekit.data_keys import PostgresDataKeys
from servicekit.keyring import FileKeys, KeyRing
from servicekit.outbound import Outbound
from servicekit.postgres import PostgresStore
from servicekit.problems import Unavailable
from servicekit.vault import Vault

KEY_LOOK_SECONDS = 5.0
"""How long the signing key is taken from memory: well below signing_keys.MARGIN."""


class Identity:
    """One process of the service."""

    def __init__(self, settings: Settings, store: PostgresStore) -> None:
        self.settings = settings
        self.store = store
        self.ring = KeyRing(FileKeys(settings.keyring_file))
        self.audit_ring = KeyRing(FileKeys(settings.audit_keyring_file))
        self.vault = Vault(self.ring, PostgresDataKeys())
        self.signer = Signer(store, self.ring)
        self.wrong_secrets = WrongSecretLimit(settings.wrong_secrets_per_minute)
        self.password_work = PasswordWork()
        self.other_services = OtherServices(settings.personal_data_urls)
        self.http = Outbound()
        self.sms = SmsSenders(settings.sms, self.http)
        self.messages_due = asyncio.Event()
        self.wechat = Wechat(settings.wechat, self.http) if settings.wechat else None
        self.alipay = Alipay(settings.alipay, self.http) if settings.alipay else None


class Signer:
    """Signs access tokens with the active key, which is looked at again every few seconds."""

    def __init__(self, store: PostgresStore, ring: KeyRing) -> None:
        self._store = store
        self._ring = ring
        self._looked_at = float("-inf")
        self._kid = ""
        self._key: ECKey | None = None

    async def sign(self, claims: dict[str, object]) -> str:
        """The token. Raises Unavailable while there is no key."""
        if time.monotonic() - self._looked_at > KEY_LOOK_SECONDS:
            await self._look()
        if self._key is None:
            raise Unavailable("A signing key")
        return tokens.sign(claims, self._kid, self._key)

    def forget(self) -> None:
        """Looks at once the next time: the keys changed."""
        self._looked_at = float("-inf")

    async def _look(self) -> None:
        async with self._store.connection() as connection:
            active = active_key(await repository.load_keys(connection))
        self._looked_at = time.monotonic()
        if active is not None and str(active.kid) != self._kid:
            self._kid, self._key = str(active.kid), tokens.private_key(active, self._ring)
