"""Tasks and builds as containers of Docker Engine."""
