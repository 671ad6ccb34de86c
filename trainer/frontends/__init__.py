"""From raw window to features, inside the graph; `features.py` chooses among them."""
