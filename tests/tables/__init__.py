"""Tables of text with known content in random dialects, and how they are read: `python -m tests.tables`."""
