"""What Home Assistant itself makes of what we tell it."""
