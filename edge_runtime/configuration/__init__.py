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
from edge_runtime.configuration.homeassistant import HomeAssistantSettings
from edge_runtime.configuration.learning import LearningSettings

__all__ = [
    "Config",
    "HomeAssistantSettings",
    "LearningSettings",
    "ReportSettings",
    "SiteSettings",
    "check_agreement",
    "check_states",
    "identity_of",
    "read_config",
]
