"""The drill: a push deploys, a bad push rolls back, shown on the real parts from end to end."""
