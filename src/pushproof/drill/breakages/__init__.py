"""Breakages of a push: general recipes on a Dockerfile or a buildspec, an application's own variants, and patch files."""
