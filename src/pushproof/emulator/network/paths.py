"""The emulated network path from a task or a build to an AWS service.

The reachability engine decides; this module keeps its network: read from the substrate's EC2 at the first request, and
dropped as soon as a call to EC2 that changes something has passed the gateway. Load balancers ask here too, for the way to
their targets, and ECS for the ways between tasks.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

from pushproof.aws.network import read_network
from pushproof.emulator.kernel.context import Call
from pushproof.engines.reachability import (
    Answer,
    Circumstances,
    Internet,
    Network,
    NetworkModelError,
    OpenBlock,
    OpenPorts,
    Place,
    Service,
    open_outwards,
    open_ports,
    reach,
    task_calls,
    without_address,
)
from pushproof.engines.reachability.resources import Document

if TYPE_CHECKING:
    from types_boto3_ec2.client import EC2Client

    from pushproof.emulator.kernel.site import Ground

K = TypeVar("K")
V = TypeVar("V")

# Signing names of services whose VPC endpoint has another name.
_ENDPOINTS = {"ecr": "ecr.api", "codeconnections": "codeconnections.api", "cloudwatch": "monitoring"}
# The longest list of callers; the oldest ones are the first to be forgotten.
_CALLERS = 10_000

# Interfaces of tasks come and go with every rollout, and no path below depends on another task's.
_OF_TASKS = frozenset({"CreateNetworkInterface", "DeleteNetworkInterface"})


class Paths:
    """Network paths from the VPC's own routes, endpoints and security groups, as the substrate's EC2 describes them.

    Any thread may call it, without the world's lock. `WorldSettings(circumstances=Circumstances(…))` sets
    the initial circumstances of a world; with `enforce_network` off nothing is ever refused.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._circumstances: Circumstances = ground.settings.circumstances
        self._lock = threading.Lock()
        # Region and subnet -> VPC; region and VPC -> network. Both are dropped together.
        self._vpcs: dict[tuple[str, str], str] = {}
        self._networks: dict[tuple[str, str], Network] = {}
        # Between two interfaces, out of one, and the places that stand for them; dropped with every change.
        self._open: dict[tuple[str, Place, Place], tuple[OpenPorts, ...]] = {}
        self._outwards: dict[tuple[str, Place], tuple[OpenBlock, ...]] = {}
        self._standing: dict[tuple[str, Place], Place] = {}
        self._epoch = secrets.token_hex(8)
        self._followers: list[Callable[[], None]] = []
        # Access key id -> region and network interface of its holder.
        self._callers: dict[str, tuple[str, Place]] = {}
        ground.calls.observe("ec2", self._changed)

    # -- answers ------------------------------------------------------------------------------------

    def refusal(
        self,
        *,
        region: str,
        subnet_id: str,
        security_group_ids: list[str],
        to: str,
        port: int = 443,
        public_ip: bool = False,
    ) -> str | None:
        """Return why the service `to` ("ecr.api", "ecr.dkr", "s3", "logs", "secretsmanager", …) cannot be reached; None if it can.

        `to` may also be "internet".
        """
        if self._ground.faults.cuts(subnet_id):
            return f"{subnet_id} is cut off by a fault of this world."
        if not self._ground.settings.enforce_network:
            return None

        def ask() -> str | None:
            answer = self.answer(
                region=region,
                subnet_id=subnet_id,
                security_group_ids=security_group_ids,
                to=to,
                port=port,
                public_ip=public_ip,
            )
            return None if answer.refusal is None else " ".join((str(answer.refusal), *answer.notes))

        return _in_words(ask)

    def answer(
        self,
        *,
        region: str,
        subnet_id: str,
        security_group_ids: Sequence[str],
        to: str,
        port: int = 443,
        public_ip: bool = False,
    ) -> Answer:
        """Return the path hop by hop, or the first hop that refuses, whether or not this world enforces it.

        Raises:
            botocore.exceptions.ClientError: the subnet does not exist in EC2.
            NetworkModelError: a security group is unknown, or of another VPC.
        """
        network = self._network(region, subnet_id)
        place = Place(subnet_id, tuple(security_group_ids), public_ip=public_ip)
        target = Internet() if to == "internet" else Service(to, task_calls(to, region))
        return reach(network, place, target, port=port, circumstances=self._circumstances)

    def between(self, *, region: str, vpc_id: str, sources: Sequence[Place], target: Place, port: int) -> str | None:
        """Return why a target in a VPC cannot be reached from one of several sources; None if it can from each.

        Sources in an availability zone that is lost are left out: nothing asks from there. If none is left, nothing arrives.
        """
        if not self._ground.settings.enforce_network:
            return None
        circumstances = self._circumstances

        def ask() -> str | None:
            network = self._network_of(region, vpc_id)
            up = [each for each in sources if network.subnet(each.subnet_id).zone not in circumstances.zones_down]
            if not up:
                return "Every availability zone of the source is lost."
            answers = (reach(network, source, target, port=port, circumstances=circumstances) for source in up)
            return next((str(answer.refusal) for answer in answers if answer.refusal is not None), None)

        return _in_words(ask)

    def open_ports(self, *, region: str, source: Place, target: Place) -> tuple[OpenPorts, ...]:
        """Return the ports on which one network interface reaches another; none if EC2 or the engine knows of no way."""
        if any(self._ground.faults.cuts(place.subnet_id) for place in (source, target)):
            return ()
        try:
            # First, before the network is read.
            epoch = self._epoch
            network = self._network(region, target.subnet_id)
            one, other = (self._stand_in(network, region, place, epoch) for place in (source, target))
            return self._remembered(
                self._open,
                (region, one, other),
                epoch,
                lambda: open_ports(network, one, other, circumstances=self._circumstances),
            )
        except (ClientError, NetworkModelError):
            return ()

    def open_outwards(self, *, region: str, source: Place) -> tuple[OpenBlock, ...] | None:
        """Return the public addresses that a network interface reaches, none if EC2 or the engine knows of no way.

        None where the network is not enforced: then all of them.
        """
        if not self._ground.settings.enforce_network:
            return None
        if self._ground.faults.cuts(source.subnet_id):
            return ()
        try:
            epoch = self._epoch
            network = self._network(region, source.subnet_id)
            one = self._stand_in(network, region, source, epoch)
            return self._remembered(
                self._outwards,
                (region, one),
                epoch,
                lambda: open_outwards(network, one, circumstances=self._circumstances),
            )
        except (ClientError, NetworkModelError):
            return ()

    def _stand_in(self, network: Network, region: str, place: Place, epoch: str) -> Place:
        """Return the place that has the same answers: many interfaces of a subnet share one."""
        return self._remembered(self._standing, (region, place), epoch, lambda: without_address(network, place))

    def _remembered(self, answers: dict[K, V], question: K, epoch: str, decide: Callable[[], V]) -> V:
        """Return the answer to a question, decided once for a network. One that changes meanwhile is good for this answer alone."""
        known = answers.get(question)
        if known is None:
            known = decide()
            with self._lock:
                if epoch == self._epoch:
                    answers[question] = known
        return known

    def vpc_of(self, *, region: str, subnet_id: str) -> str:
        """Return the VPC of a subnet; "" if EC2 does not know the subnet."""
        try:
            return self._network(region, subnet_id).subnet(subnet_id).vpc_id
        except (ClientError, NetworkModelError):
            return ""

    def place_of(self, *, region: str, vpc_id: str, address: str) -> Place | None:
        """Return the network interface with a private address in a VPC, as a place; None if there is none."""
        ec2 = self._ground.substrate.client("ec2", region)
        interfaces = ec2.describe_network_interfaces(
            Filters=[{"Name": "private-ip-address", "Values": [address]}, {"Name": "vpc-id", "Values": [vpc_id]}]
        )["NetworkInterfaces"]
        if not interfaces:
            return None
        groups = tuple(group["GroupId"] for group in interfaces[0].get("Groups") or ())
        return Place(interfaces[0]["SubnetId"], groups, address=address)

    def settle(
        self, access_key_id: str, *, region: str, subnet_id: str, security_group_ids: Sequence[str], public_ip: bool
    ) -> None:
        """Note where the holder of a key is: a task, or a build in a VPC. Its calls need a way from there."""
        with self._lock:
            while len(self._callers) >= _CALLERS:
                del self._callers[next(iter(self._callers))]
            self._callers[access_key_id] = region, Place(subnet_id, tuple(security_group_ids), public_ip=public_ip)

    def call_refusal(self, access_key_id: str, service: str, region: str) -> str | None:
        """Return why a call with a key does not reach a service, by its signing name; None if it does, or nobody knows from where.

        A service of another region is on the internet. Policies of VPC endpoints are not read: they are about calls, not paths.
        """
        caller = self._callers.get(access_key_id)
        if caller is None or not self._ground.settings.enforce_network:
            return None
        home, place = caller
        to = Service(_ENDPOINTS.get(service, service)) if region == home else Internet()
        circumstances = replace(self._circumstances, policy_allows=_any_call)

        def ask() -> str | None:
            answer = reach(self._network(home, place.subnet_id), place, to, circumstances=circumstances)
            return None if answer.refusal is None else str(answer.refusal)

        return _in_words(ask)

    @property
    def epoch(self) -> str:
        """Return a name of the network as it is now: another one after each change of EC2 or of circumstances."""
        return self._epoch

    def follow(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change. It may be called on any thread, and must not block."""
        self._followers.append(callback)

    # -- circumstances of a network --------------------------------------------------------------

    @property
    def circumstances(self) -> Circumstances:
        """Return the zones that are down, and whether VPC endpoints are required."""
        return self._circumstances

    def set_zone_down(self, zone: str, down: bool = True) -> None:
        """Lose an availability zone with everything in it, or restore it. Running tasks are not stopped."""
        zones = self._circumstances.zones_down
        self._circumstances = replace(self._circumstances, zones_down=zones | {zone} if down else zones - {zone})
        self.renew()

    def require_vpc_endpoints(self, required: bool = True) -> None:
        """Set whether the organisation requires VPC endpoints for AWS services, so that NAT is not enough."""
        self._circumstances = replace(self._circumstances, require_vpc_endpoints=required)
        self.renew()

    def forget(self) -> None:
        """Read EC2 anew at the next request, for changes that did not pass this world's gateway."""
        with self._lock:
            self._vpcs.clear()
            self._networks.clear()
            self._drop_answers()
        self._tell()

    # -- the cache -----------------------------------------------------------------------------------

    def _network(self, region: str, subnet_id: str) -> Network:
        with self._lock:
            vpc_id = self._vpcs.get((region, subnet_id))
        if vpc_id is not None:
            return self._network_of(region, vpc_id)
        ec2 = self._ground.substrate.client("ec2", region)
        vpc_id = str(ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]["VpcId"])
        return self._network_of(region, vpc_id, ec2)

    def _network_of(self, region: str, vpc_id: str, ec2: EC2Client | None = None) -> Network:
        with self._lock:
            epoch = self._epoch
            cached = self._networks.get((region, vpc_id))
        if cached is not None:
            return cached
        network = read_network(ec2 or self._ground.substrate.client("ec2", region), vpc_id)
        with self._lock:
            # A result read during a change may be half old: good for this answer, not for the next.
            if epoch == self._epoch:
                self._networks[region, vpc_id] = network
                self._vpcs.update({(region, subnet.id): vpc_id for subnet in network.subnets_of(vpc_id)})
        return network

    def renew(self) -> None:
        """Let everyone who keeps an answer ask again: faults or circumstances have changed."""
        with self._lock:
            self._drop_answers()
        self._tell()

    def _drop_answers(self) -> None:
        """Drop what follows from the network. The caller holds the lock."""
        for answers in (self._open, self._outwards, self._standing):
            answers.clear()
        self._epoch = secrets.token_hex(8)

    def _tell(self) -> None:
        for follower in self._followers:
            follower()

    def _changed(self, call: Call) -> None:
        # Also after a failure: some calls change something before they fail.
        if call.mutating and call.context.operation not in _OF_TASKS:
            self.forget()


def _in_words(ask: Callable[[], str | None]) -> str | None:
    """Return an answer, or the reason why EC2 or the engine has none."""
    try:
        return ask()
    except ClientError as error:
        return f"{error.response['Error'].get('Message', error)}"
    except NetworkModelError as error:
        return f"{error}"


def _any_call(_: Document, _action: str, _resource: str) -> bool:
    return True
