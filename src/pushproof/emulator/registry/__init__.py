"""The OCI registry front, image references, and the mirror of base images."""
