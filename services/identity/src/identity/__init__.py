"""Identity: machine clients, access tokens and the keys that sign them."""
