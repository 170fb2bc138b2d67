"""Deployment strategies in a drill: what a service needs for them, the switch, and the share of requests that each allows."""
