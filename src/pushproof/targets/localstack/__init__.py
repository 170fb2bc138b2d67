"""The LocalStack target: container, health, image."""
