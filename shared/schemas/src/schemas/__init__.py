"""Event models, the catalogue of topics, and the contracts made from both; it imports nothing of ours."""
