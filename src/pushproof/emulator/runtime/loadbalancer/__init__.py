"""The data plane of Application Load Balancers: real sockets (`LoadBalancerRuntime`) or scripted (`ScriptedLoadBalancer`)."""

from __future__ import annotations

from pushproof.emulator.runtime.loadbalancer.runtime import LoadBalancerRuntime
from pushproof.emulator.runtime.loadbalancer.scripted import ScriptedLoadBalancer
from pushproof.emulator.runtime.loadbalancer.specs import (
    AccessLogEntry,
    Certificate,
    CertificateError,
    DataPlane,
    ListenError,
    ListenerSpec,
    Target,
    TargetGroupSpec,
)

__all__ = [
    "AccessLogEntry",
    "Certificate",
    "CertificateError",
    "DataPlane",
    "ListenError",
    "ListenerSpec",
    "LoadBalancerRuntime",
    "ScriptedLoadBalancer",
    "Target",
    "TargetGroupSpec",
]
