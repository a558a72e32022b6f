"""Station profiles, pumps and opening hours, and the searches that find a station near a place."""
