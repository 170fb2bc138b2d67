"""Pushproof proves, before production does, that a push deploys and that a bad push rolls back."""

__version__ = "0.1.0"
