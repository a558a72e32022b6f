"""What the service learns from topics: the events that views are folded from."""

from analytics.domain.sources import FACTS as FACTS
from analytics.domain.sources import TOPICS as TOPICS
