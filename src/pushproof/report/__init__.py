"""What a run leaves to look at: one HTML file, no network needed to read it."""
