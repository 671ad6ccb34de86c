"""Generators of the pages that are made from the code; `make docs` runs them all."""
