"""Kept worlds: applied stacks that later runs continue from, by the content of everything that they were made from."""
