"""A small web service: it says which commit it was built from, and whether it is well."""
