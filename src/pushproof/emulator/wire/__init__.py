"""The gateway and its HTTP: protocol, server, call log, control endpoints."""
