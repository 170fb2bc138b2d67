"""Discovery of a stack's delivery path from Terraform's state and the account's API."""
