"""Tasks and builds that follow a script, in process."""
