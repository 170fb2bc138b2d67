"""Types and machinery that every room of the emulator uses: loop, context, errors."""
