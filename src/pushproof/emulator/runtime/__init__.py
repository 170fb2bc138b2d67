"""Runtimes: containers, the load balancer, scripted stand-ins."""
