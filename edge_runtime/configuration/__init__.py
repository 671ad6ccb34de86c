"""The TOML file of a site: one frozen tree, read strictly."""

from edge_runtime.configuration.config import Config, ReportSettings, check_agreement, read_config

__all__ = ["Config", "ReportSettings", "check_agreement", "read_config"]
