"""Types and machinery that every room of the emulator stands on: loop, context, errors."""
