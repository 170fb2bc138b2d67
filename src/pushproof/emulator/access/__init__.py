"""Authorisation: principals, attached policies, decisions, refusals."""
