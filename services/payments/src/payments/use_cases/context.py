"""What the use cases work with."""

from payments.providers.loyalty import Loyalty
from payments.settings import Settings
from servicekit.data_keys import PostgresDataKeys
from servicekit.erasures import PostgresErasures
from servicekit.keyring import FileKeys, KeyRing
from servicekit.outbound import Outbound
from servicekit.postgres import PostgresStore
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
        self.loyalty = Loyalty(settings.loyalty) if settings.loyalty else None
