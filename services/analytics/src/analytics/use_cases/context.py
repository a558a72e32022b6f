"""What the use cases work with."""

from analytics.domain.pseudonyms import VIEWS, Pseudonyms
from analytics.providers.mail import mailer_of
from analytics.repository.people import People
from analytics.repository.published_hours import PublishedHours
from analytics.repository.schedules import Readers, Schedules
from analytics.repository.views import Views
from analytics.settings import Settings
from servicekit.data_keys import MongoDataKeys
from servicekit.erasures import MongoErasures
from servicekit.keyring import FileKeys, KeyRing
from servicekit.mongo import MongoStore
from servicekit.turns import Turns
from servicekit.typesetting import Typesetter
from servicekit.vault import Vault


class Analytics:
    """One process of the service."""

    def __init__(self, settings: Settings, store: MongoStore) -> None:
        self.settings = settings
        self.store = store
        self.ring = KeyRing(FileKeys(settings.keyring_file))
        self.vault = Vault(self.ring, MongoDataKeys(store.database))
        self.erasures = MongoErasures(store)
        self.pseudonyms = Pseudonyms(settings.pseudonym_key.get_secret_value(), VIEWS)
        self.views = Views(store)
        self.people = People(store, self.views)
        self.schedules = Schedules(store, self.vault)
        self.readers = Readers(store)
        self.mailer = mailer_of(settings.mail_url.get_secret_value(), settings.mail_from)
        self.typesetter = Typesetter("analytics")
        self.file_turns = Turns("A place to make a file", at_once=2, most_waiting=20)
        self.report_turns = Turns("A place to work out who came", at_once=2, most_waiting=20)
        self.published_hours = PublishedHours(store)
