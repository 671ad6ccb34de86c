"""The service with models that fail, loop and lie, and a healthy sensor beside them."""
