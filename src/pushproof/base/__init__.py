"""Ground floor: clock, processes, environment. Imports nothing else of the project."""
