"""Reports of a run: one HTML file, readable without a network."""
