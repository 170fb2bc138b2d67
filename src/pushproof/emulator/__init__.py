"""The embedded target: one gateway, a substrate for what plain emulators answer well, and the delivery plane."""
