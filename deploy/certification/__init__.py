"""A small certificate authority for one plant: `deploy/authority init | server | device | renew | sign`."""
