"""Recording the sensors: jobs on disk, captures written beside the scoring. A room within the gateway's."""
