"""The record of a run: its model and schema, the observations that it is made of, and what follows from it."""
