"""Steps of the drill, a file each: what a step needs, how it is performed, and the evidence that it returns."""
