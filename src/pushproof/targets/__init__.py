"""Targets: the embedded emulator, a LocalStack container, a real sandbox account."""
