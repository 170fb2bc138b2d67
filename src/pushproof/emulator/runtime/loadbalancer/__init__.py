"""The data plane of load balancers: real sockets (`runtime`), made on demand, or scripted (`ScriptedLoadBalancer`)."""

from __future__ import annotations

from pushproof.emulator.kernel.balancing import (
    AccessLogEntry,
    Certificate,
    CertificateError,
    DataPlane,
    ListenError,
    ListenerSpec,
    Target,
    TargetGroupSpec,
)
from pushproof.emulator.runtime.loadbalancer.ondemand import OnDemandDataPlane
from pushproof.emulator.runtime.loadbalancer.scripted import ScriptedLoadBalancer

__all__ = [
    "AccessLogEntry",
    "Certificate",
    "CertificateError",
    "DataPlane",
    "ListenError",
    "ListenerSpec",
    "OnDemandDataPlane",
    "ScriptedLoadBalancer",
    "Target",
    "TargetGroupSpec",
]
