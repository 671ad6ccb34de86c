"""What several detectors are built from."""
