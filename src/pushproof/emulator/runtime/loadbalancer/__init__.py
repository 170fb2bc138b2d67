"""The data plane of load balancers: real sockets (`LoadBalancerRuntime`) or scripted (`ScriptedLoadBalancer`)."""

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
from pushproof.emulator.runtime.loadbalancer.runtime import LoadBalancerRuntime
from pushproof.emulator.runtime.loadbalancer.scripted import ScriptedLoadBalancer

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
