"""The page in a real browser, run by `make test-page` with an environment of its own."""
