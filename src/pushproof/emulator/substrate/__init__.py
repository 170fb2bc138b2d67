"""Emulators below the plane: moto in this process, another emulator by URL, or both."""
