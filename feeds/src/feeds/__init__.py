"""Readers of public price feeds, by name."""

from feeds.base import Feed
from feeds.france import France
from feeds.italy import Italy
from feeds.nsw import NewSouthWales
from feeds.spain import Spain
from feeds.tankerkoenig import Tankerkoenig
from feeds.uk import UnitedKingdom

FEEDS: dict[str, Feed] = {
    feed.name: feed for feed in (Tankerkoenig(), France(), UnitedKingdom(), Spain(), Italy(), NewSouthWales())
}
