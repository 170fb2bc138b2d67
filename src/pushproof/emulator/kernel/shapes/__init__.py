"""Shapes of the delivery plane's requests and answers, a module for each service; for type checking alone."""
