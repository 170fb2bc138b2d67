"""Elastic Load Balancing v2: `LoadBalancingService`."""

from __future__ import annotations

from pushproof.emulator.services.elbv2.service import LoadBalancingService

__all__ = ["LoadBalancingService"]
