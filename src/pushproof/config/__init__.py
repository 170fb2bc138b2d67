"""Settings of a repository: `pushproof.toml`, or `[tool.pushproof]` of `pyproject.toml`."""
