"""The trend of each sensor: values of minutes and hours, and what happened. A room within the gateway's."""
