"""The Debian package: its own virtual environment from locked wheels, nothing downloaded on the device."""
