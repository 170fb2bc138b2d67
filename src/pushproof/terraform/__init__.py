"""Driving Terraform (or OpenTofu) through tftest: binary, provider mirror, working copies, commands."""
