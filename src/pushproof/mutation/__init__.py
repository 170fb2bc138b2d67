"""Mutation testing for infrastructure tests: realistic mistakes, one at a time, and the suite that has to notice each."""
