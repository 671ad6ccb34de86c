"""What adapting a model is worth, on real recordings."""
