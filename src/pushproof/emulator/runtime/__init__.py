"""Runtimes: containers, the load balancer, and scripted replacements."""
