"""What really runs: containers, the load balancer, the git host, webhooks."""
