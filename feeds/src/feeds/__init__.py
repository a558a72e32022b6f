"""Readers of public price feeds, by name."""

from feeds.base import Feed
from feeds.tankerkoenig import Tankerkoenig

FEEDS: dict[str, Feed] = {feed.name: feed for feed in (Tankerkoenig(),)}
