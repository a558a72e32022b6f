"""What loyalty listens to; `servicekit.personal_data` adds what it does about people."""

from loyalty.use_cases import places
from servicekit.consumer import Subscriptions

SUBSCRIPTIONS: Subscriptions = {**places.SUBSCRIPTIONS}
