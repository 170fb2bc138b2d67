"""Onboarding of a repository: a survey of its Terraform and its Dockerfiles, and the files that `pushproof init` writes from it."""
