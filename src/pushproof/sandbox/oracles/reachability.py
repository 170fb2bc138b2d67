"""VPC Reachability Analyzer against our engine's answer. Billed by the analysis (0.10 USD), so only who asks for it gets it.

Source: https://docs.aws.amazon.com/vpc/latest/reachability/what-is-reachability-analyzer.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from pushproof.sandbox.oracles.case import Case


def ask_reachability(
    ec2: Any,
    source: str,
    destination: str,
    port: int,
    ours: bool,
    *,
    tags: Mapping[str, str],
    patience: float = 600.0,
    pause: Callable[[float], None] = time.sleep,
) -> Case:
    """Whether TCP from a network interface reaches a port of a destination (ENI or internet gateway).

    `ours` is the engine's answer. What is made for the question carries `tags` and is removed, whatever the answer.
    Raises TimeoutError when the analysis does not end.
    """
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]

    def spec(kind: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": listed}]

    path = ec2.create_network_insights_path(
        Source=source,
        Destination=destination,
        Protocol="tcp",
        DestinationPort=port,
        TagSpecifications=spec("network-insights-path"),
    )["NetworkInsightsPath"]["NetworkInsightsPathId"]
    analysis: str | None = None
    try:
        analysis = ec2.start_network_insights_analysis(
            NetworkInsightsPathId=path, TagSpecifications=spec("network-insights-analysis")
        )["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"]
        waited = 0.0
        while True:
            found = ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[analysis])
            state = found["NetworkInsightsAnalyses"][0]
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
    asked = {"source": source, "destination": destination, "port": port}
    if state["Status"] != "succeeded":
        raise RuntimeError(f"the analysis {analysis} ended as {state['Status']}: {state.get('StatusMessage', '')}")
    return Case("reachability", asked, bool(state["NetworkPathFound"]), ours)
