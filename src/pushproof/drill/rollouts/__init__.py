"""Rollouts of a service, as the controller of its deployments shows them: ECS itself, or CodeDeploy."""
