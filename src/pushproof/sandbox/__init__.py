"""A real AWS account, used by people who fear two things: touching the wrong one, and a bill."""
