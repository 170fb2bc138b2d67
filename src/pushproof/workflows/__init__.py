"""A small runner of GitHub Actions' workflows: for the actions by which a push deploys to ECS, and for scripts."""

from __future__ import annotations
