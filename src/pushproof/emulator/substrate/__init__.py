"""Emulators below the plane: moto in this process, another by URL, or both."""
