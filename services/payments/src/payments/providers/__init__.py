"""The payment platforms and loyalty, as this service meets them."""
