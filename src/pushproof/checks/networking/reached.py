"""Reachability of AWS services from tasks, with one finding for each cause of a failure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pushproof.checks.finding import Finding
from pushproof.checks.networking.vpc import ECR_PAGE, VpcChecks, listed
from pushproof.engines.reachability import Answer, Circumstances, Place, PolicyAllows, Service, reach, task_calls
from pushproof.engines.reachability.resources import Document


@dataclass
class _Cause:
    services: list[str] = field(default_factory=list)
    subnets: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Reached(VpcChecks):
    """The reachability of services from tasks' subnets and security groups."""

    def _unreached(self, services: Sequence[str], how: str, *, require_vpc_endpoints: bool) -> Iterator[Finding]:
        # (resource, reason, remedy, whether another path carries the traffic) -> the affected tasks
        causes: dict[tuple[str, str, str, bool], _Cause] = {}
        for name in services:
            circumstances = Circumstances(
                require_vpc_endpoints=require_vpc_endpoints, policy_allows=self._policy_for(name)
            )
            for place, subnet in self._task_places():
                answer = reach(self.network, place, self._service(name), circumstances=circumstances)
                if answer.refusal is None:
                    continue
                carried, why = self._explained(place, name, answer)
                at = self._bypassed(name) if carried else answer.refusal.at
                key = (at, why, answer.refusal.remedy, carried)
                cause = causes.setdefault(key, _Cause())
                cause.services.append(name)
                cause.subnets.append(subnet.id)
                cause.notes += answer.notes
        for (at, why, remedy, carried), cause in causes.items():
            names = list(dict.fromkeys(cause.services))
            yield Finding(
                resource=at,
                expected=f"{listed(cause.subnets)} reaches {listed(names)} on 443 {how}",
                found="\n".join((why, *dict.fromkeys(cause.notes))),
                why=_carried(names) if carried else " ".join(dict.fromkeys(map(symptom, names))),
                change=remedy,
                page=ECR_PAGE,
            )

    def _explained(self, place: Place, name: str, answer: Answer) -> tuple[bool, str]:
        """Return whether tasks reach the service without the required endpoint, and the true reason."""
        assert answer.refusal is not None
        if answer.refusal.code != "VpcEndpointDemanded":
            return False, answer.refusal.why
        ordinary = reach(
            self.network,
            place,
            self._service(name),
            circumstances=Circumstances(policy_allows=self._policy_for(name)),
        )
        if ordinary.refusal is not None:
            return False, ordinary.refusal.why
        by = next((hop.id for kind in ("nat-gateway", "internet-gateway") for hop in ordinary.passes(kind)), "")
        kind = "a NAT gateway" if by.startswith("nat-") else "an internet gateway" if by else "another way"
        return True, f"It is called by its public address, through {kind} and not a VPC endpoint."

    def _bypassed(self, name: str) -> str:
        """The endpoint that traffic bypasses, or the VPC if it has none."""
        endpoints = self.network.endpoints_of(self.vpc_id)
        return next((endpoint.id for endpoint in endpoints if endpoint.service == name), self.vpc_id)

    def _service(self, name: str) -> Service:
        """A service with the calls by which tasks use it, as far as an endpoint policy is concerned."""
        return Service(name, self._calls(name))

    def _calls(self, name: str) -> tuple[tuple[str, str], ...]:
        repositories = dict.fromkeys(r for p in self.placements for r in p.repositories) or self._repositories
        secrets = dict.fromkeys(s for p in self.placements for s in p.secrets)
        logs = dict.fromkeys(s for p in self.placements for s in p.log_streams)
        resources = {"ecr.dkr": repositories, "secretsmanager": secrets, "logs": logs}
        calls = task_calls(name, self.network.region)
        if name not in resources:
            return calls
        # An endpoint policy may be narrowed to the owner's resources: it must allow the calls of tasks only.
        return tuple((action, resource) for action, _ in calls for resource in resources[name])

    def _policy_for(self, name: str) -> PolicyAllows:
        # While the calls of tasks are unknown, no policy counts as too narrow.
        return self._policy_allows if self._calls(name) else _anything


def _anything(_document: Document, _action: str, _resource: str) -> bool:
    return True


def symptom(name: str) -> str:
    """The symptom of tasks that cannot reach a service."""
    if name in ("ecr.api", "secretsmanager", "ssm", "kms", "logs"):
        return (
            "Tasks stop before their containers start, with ResourceInitializationError (unable to pull secrets or"
            " registry auth, or to validate logger arguments)."
        )
    if name in ("ecr.dkr", "s3"):
        return "Tasks stop with CannotPullContainerError, and the deployment rolls back or never completes."
    return "Calls to it from tasks hang until they time out."


def _carried(names: list[str]) -> str:
    symptoms = " ".join(dict.fromkeys(map(symptom, names)))
    return (
        "It works, and each gigabyte is paid for at the gateway. Where an organisation demands VPC endpoints (aws:SourceVpce in a"
        f" policy), it does not: {symptoms[0].lower()}{symptoms[1:]}"
    )
