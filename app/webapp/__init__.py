"""A small web service that reports the commit it was built from, and its health."""
