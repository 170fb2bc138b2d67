"""Ground floor: clock, processes, environment. It imports nothing else of the project."""
