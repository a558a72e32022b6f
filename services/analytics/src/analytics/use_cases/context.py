"""What the use cases work with."""

from analytics.domain.pseudonyms import VIEWS, Pseudonyms
from analytics.repository.people import People
from analytics.repository.views import Views
from analytics.settings import Settings
from servicekit.data_keys import MongoDataKeys
from servicekit.erasures import MongoErasures
from servicekit.keyring import FileKeys, KeyRing
from servicekit.mongo import MongoStore
from servicekit.vault import Vault


class Analytics:
    """One process of the service."""

    def __init__(self, settings: Settings, store: MongoStore) -> None:
        self.settings = settings
        self.store = store
        self.vault = Vault(KeyRing(FileKeys(settings.keyring_file)), MongoDataKeys(store.database))
        self.erasures = MongoErasures(store)
        self.pseudonyms = Pseudonyms(settings.pseudonym_key.get_secret_value(), VIEWS)
        self.views = Views(store)
        self.people = People(store, self.views)
