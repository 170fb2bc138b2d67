"""Where infrastructure under test is applied: the embedded emulator, a LocalStack container, a real sandbox account."""
