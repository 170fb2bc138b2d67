"""Kept worlds: the state of a world as bytes, and worlds made from such bytes.

The graph of objects is written by pickle, with three kinds of exceptions: parts of the world's composition are written as names
(`parts.py`), functions as places in this package's code (`functions.py`), and texts that contain an address of the world with a
mark in its place (`places.py`). So a world can continue in another process, at another address, beside the one it was made from.
"""
