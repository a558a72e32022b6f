"""Analytics: views of what happens at stations, and the reports that are read from them."""
