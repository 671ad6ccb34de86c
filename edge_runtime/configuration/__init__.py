"""The TOML file of a site: one frozen tree, read strictly."""

from edge_runtime.configuration.config import (
    Config,
    ReportSettings,
    SiteSettings,
    check_agreement,
    check_states,
    identity_of,
    read_config,
)

__all__ = [
    "Config",
    "ReportSettings",
    "SiteSettings",
    "check_agreement",
    "check_states",
    "identity_of",
    "read_config",
]
