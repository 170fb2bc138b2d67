"""A real AWS account as a target, guarded against the wrong account and against a bill."""
