"""What families of detectors have in common and build on; none of it is a detector by itself."""
