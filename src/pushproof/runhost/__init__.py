"""Test runs in forks of a process that has everything imported: `pushproof test`.

A run of a module's tests that applies nothing takes two seconds, and imports take most of them. The host imports once, and forks
itself for each run. It ends when no run follows for a while, and a run never gets one that files have changed under.
"""
