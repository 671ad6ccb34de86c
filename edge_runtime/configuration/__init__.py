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
from edge_runtime.configuration.history import DAMAGED, HistorySettings, damaged_histories
from edge_runtime.configuration.homeassistant import HomeAssistantSettings
from edge_runtime.configuration.learning import LearningSettings
from edge_runtime.configuration.page import PageSettings
from edge_runtime.configuration.updates import UpdateSettings

__all__ = [
    "DAMAGED",
    "Config",
    "HistorySettings",
    "HomeAssistantSettings",
    "LearningSettings",
    "PageSettings",
    "ReportSettings",
    "SiteSettings",
    "UpdateSettings",
    "check_agreement",
    "check_states",
    "damaged_histories",
    "identity_of",
    "read_config",
]
