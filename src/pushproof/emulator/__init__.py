"""The emulated account: one gateway, a substrate for services that plain emulators cover well, and the delivery plane."""
