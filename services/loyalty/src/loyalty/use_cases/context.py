"""What the use cases work with."""

from loyalty.settings import Settings
from loyalty.use_cases.earning import EarningRules
from loyalty.use_cases.live_campaigns import LiveCampaigns
from servicekit.data_keys import PostgresDataKeys
from servicekit.erasures import PostgresErasures
from servicekit.keyring import FileKeys, KeyRing
from servicekit.postgres import PostgresStore
from servicekit.turns import Turns
from servicekit.vault import Vault


class Loyalty:
    """One process of the service."""

    def __init__(self, settings: Settings, store: PostgresStore) -> None:
        self.settings = settings
        self.store = store
        self.ring = KeyRing(FileKeys(settings.keyring_file))
        self.vault = Vault(self.ring, PostgresDataKeys())
        self.erasures = PostgresErasures(store)
        self.campaigns = LiveCampaigns(store)
        self.earning = EarningRules(store, settings.points_per_hundred)
        self.simulations = Turns("A place to simulate", at_once=2, most_waiting=4)
        self.previews = Turns("A place to look for conflicts", at_once=1, most_waiting=4)
