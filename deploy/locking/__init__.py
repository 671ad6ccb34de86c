"""What installs come from, by version and hash: `make lock`; and what is in them: `make sbom`."""
