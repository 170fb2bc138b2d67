"""Facts read from AWS's API, shared by checks and emulator."""
