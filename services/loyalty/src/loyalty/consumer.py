"""What loyalty listens to; `servicekit.personal_data` adds what it does about people."""

from servicekit import price_book
from servicekit.consumer import Subscriptions

SUBSCRIPTIONS: Subscriptions = {**price_book.SUBSCRIPTIONS}
