"""VPC Reachability Analyzer against the engine's answer. AWS bills each analysis (0.10 USD), so analyses run on request only.

Source: https://docs.aws.amazon.com/vpc/latest/reachability/what-is-reachability-analyzer.html
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pushproof.aws.network import describe_network
from pushproof.engines.reachability import Eni, Internet, from_describe, reach
from pushproof.sandbox.oracles.case import Case

if TYPE_CHECKING:
    from types_boto3_ec2.client import EC2Client
    from types_boto3_ec2.literals import ResourceTypeType
    from types_boto3_ec2.type_defs import TagSpecificationTypeDef, TagTypeDef


def ask_reachability(
    ec2: EC2Client,
    source: str,
    destination: str,
    port: int,
    *,
    tags: Mapping[str, str],
    patience: float = 600.0,
    pause: Callable[[float], None] = time.sleep,
) -> Case:
    """Return whether TCP from a network interface reaches a port of a destination (ENI or internet gateway).

    The resources of the analysis carry `tags` and are removed, whatever the answer. Raises TimeoutError when the analysis
    does not end, RuntimeError when it fails.
    """

    def spec(kind: ResourceTypeType) -> list[TagSpecificationTypeDef]:
        listed: list[TagTypeDef] = [{"Key": key, "Value": value} for key, value in tags.items()]
        return [{"ResourceType": kind, "Tags": listed}]

    path = ec2.create_network_insights_path(
        Source=source,
        Destination=destination,
        Protocol="tcp",
        DestinationPort=port,
        TagSpecifications=spec("network-insights-path"),
        ClientToken=str(uuid.uuid4()),
    )["NetworkInsightsPath"]["NetworkInsightsPathId"]
    analysis: str | None = None
    try:
        analysis = ec2.start_network_insights_analysis(
            NetworkInsightsPathId=path,
            TagSpecifications=spec("network-insights-analysis"),
            ClientToken=str(uuid.uuid4()),
        )["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"]
        waited = 0.0
        while True:
            description = ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[analysis])
            state = description["NetworkInsightsAnalyses"][0]
            if state["Status"] != "running":
                break
            if waited >= patience:
                raise TimeoutError(f"the analysis {analysis} is running after {patience:.0f} s; try again")
            pause(5.0)
            waited += 5.0
    finally:
        if analysis is not None:
            ec2.delete_network_insights_analysis(NetworkInsightsAnalysisId=analysis)
        ec2.delete_network_insights_path(NetworkInsightsPathId=path)
    if state["Status"] != "succeeded":
        raise RuntimeError(f"the analysis {analysis} ended as {state['Status']}: {state.get('StatusMessage', '')}")
    (interface,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[source])["NetworkInterfaces"]
    question = {
        "source": source,
        "destination": destination,
        "port": port,
        "region": ec2.meta.region_name,
        # In the form of a fixture, where dates are text.
        "network": json.loads(json.dumps(describe_network(ec2, interface["VpcId"]), default=str)),
    }
    return Case("reachability", question, bool(state["NetworkPathFound"]), answer(question))


def answer(question: Mapping[str, Any]) -> bool:
    """Return the engine's answer to the question of a fixture. An internet gateway represents everything beyond it."""
    network = from_describe(question["network"], region=question["region"])
    destination = question["destination"]
    target = Internet() if destination.startswith("igw-") else Eni(destination)
    return bool(reach(network, Eni(question["source"]), target, port=question["port"]))
