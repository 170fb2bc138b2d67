"""ECS Service Connect: configurations, refusals, endpoints.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectService.html and
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts.html
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushproof.engines.serviceconnect import (
    Configuration,
    Endpoint,
    Port,
    ServiceConnectError,
    check_ports,
    endpoints,
    listening_port,
    named_ports,
    parse,
)

PORTS = {"web": Port(8080, "http"), "raw": Port(5432)}


def offered(**members: Any) -> dict[str, Any]:
    return {"enabled": True, "namespace": "shop", "services": [{"portName": "web", **members}]}


def test_a_service_without_service_connect() -> None:
    """No configuration, and one that is not enabled, are the same."""
    assert parse(None) == parse({"enabled": False, "namespace": "shop"}) == Configuration()


def test_names_of_an_endpoint() -> None:
    """The alias names an endpoint; without one it is the discovery name, else the port name, in the namespace."""

    def names(**members: Any) -> list[str]:
        configuration = parse(offered(**members))
        return [each.name for each in endpoints(configuration, PORTS, server="arn", namespace_name="shop")]

    assert names(clientAliases=[{"port": 80, "dnsName": "backend"}], discoveryName="api") == ["backend"]
    assert names(clientAliases=[{"port": 80}], discoveryName="api") == ["api.shop"]
    assert names(clientAliases=[{"port": 80}]) == ["web.shop"]
    assert names() == []


def test_timeouts_of_an_endpoint() -> None:
    """Requests have 15 seconds and connections five minutes, an hour for TCP, unless the service says otherwise."""

    def times(port_name: str, **timeout: int) -> tuple[float, float]:
        document = offered(portName=port_name, clientAliases=[{"port": 80}], timeout=timeout)
        (offers,) = endpoints(parse(document), PORTS, server="arn", namespace_name="shop")
        return offers.idle_seconds, offers.request_seconds

    assert times("web") == (300.0, 15.0)
    assert times("raw") == (3600.0, 0.0)
    assert times("web", idleTimeoutSeconds=0, perRequestTimeoutSeconds=60) == (0.0, 60.0)


def test_the_port_of_a_task() -> None:
    """A task answers on the port of its container, or on the port that its proxy has; not at all where it offers nothing."""
    assert listening_port(parse(offered()), PORTS, "web") == 8080
    assert listening_port(parse(offered(ingressPortOverride=9000)), PORTS, "web") == 9000
    assert listening_port(parse(offered()), PORTS, "raw") is None
    assert listening_port(parse(offered()), {}, "web") is None


def test_named_ports_of_a_definition() -> None:
    """Ports without a name have no part in it; without appProtocol a port is TCP."""
    mappings = [
        {"name": "web", "containerPort": 8080, "appProtocol": "http2"},
        {"name": "raw", "containerPort": 5432},
        {"containerPort": 9},
    ]
    assert named_ports([{"name": "app", "portMappings": mappings}, {"name": "side"}]) == {
        "web": Port(8080, "http2"),
        "raw": Port(5432),
    }


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"portName": ""}, "portName"),
        ({"discoveryName": "Upper"}, "Upper"),
        ({"discoveryName": "a" * 65}, "64"),
        ({"clientAliases": [{"port": 0}]}, "0 is not a port"),
        ({"clientAliases": [{"port": 80}, {"port": 81}]}, "more than one client alias"),
        ({"ingressPortOverride": 70_000}, "70000"),
        ({"timeout": {"idleTimeoutSeconds": -1}}, "-1"),
    ],
)
def test_configurations_that_are_refused(members: dict[str, Any], words: str) -> None:
    """The refusal names the value that is wrong."""
    with pytest.raises(ServiceConnectError, match=words) as caught:
        parse(offered(**members))
    assert caught.value.code == "InvalidParameterException"


def test_ports_that_are_refused() -> None:
    """A port name has to be one of the task definition's, and a request timeout needs a protocol with requests."""
    with pytest.raises(ServiceConnectError, match=r"missing is not .* \(named ports: raw, web\)"):
        check_ports(parse(offered(portName="missing")), PORTS)
    timeout = {"perRequestTimeoutSeconds": 5}
    with pytest.raises(ServiceConnectError, match="perRequestTimeoutSeconds of raw"):
        check_ports(parse(offered(portName="raw", timeout=timeout)), PORTS)
    check_ports(parse(offered(timeout=timeout)), PORTS)


@pytest.mark.parametrize("shared", ["portName", "discoveryName", "alias", "ingressPortOverride"])
def test_what_two_offers_cannot_share(shared: str) -> None:
    """Port names, discovery names, aliases and ingress ports are each service's own."""
    one: dict[str, Any] = {"portName": "web", "clientAliases": [{"port": 80, "dnsName": "a"}], "ingressPortOverride": 1}
    two: dict[str, Any] = {"portName": "raw", "clientAliases": [{"port": 80, "dnsName": "b"}], "ingressPortOverride": 2}
    parse({"enabled": True, "services": [one, two]})
    if shared == "alias":
        two["clientAliases"] = one["clientAliases"]
    else:
        two[shared] = one.get(shared, "web")
        one.setdefault(shared, "web")
    with pytest.raises(ServiceConnectError, match="cannot share"):
        parse({"enabled": True, "services": [one, two]})


NAMES = st.sampled_from(["web", "raw", "api", "A", "", "x.y"])
ALIASES = st.lists(
    st.fixed_dictionaries({"port": st.integers(-1, 70_000)}, optional={"dnsName": st.sampled_from(["a", "b", ""])}),
    max_size=2,
)
DOCUMENTS = st.fixed_dictionaries(
    {"enabled": st.booleans()},
    optional={
        "namespace": st.text(max_size=3),
        "services": st.lists(
            st.fixed_dictionaries(
                {"portName": NAMES},
                optional={
                    "discoveryName": NAMES,
                    "clientAliases": ALIASES,
                    "ingressPortOverride": st.integers(0, 70_000),
                    "timeout": st.dictionaries(st.sampled_from(["idleTimeoutSeconds"]), st.integers(-1, 5)),
                },
            ),
            max_size=3,
        ),
    },
)


@given(DOCUMENTS)
def test_any_configuration_is_refused_or_offers_what_it_says(document: dict[str, Any]) -> None:
    """A configuration is refused, or each of its aliases becomes one endpoint, all of them different."""
    try:
        configuration = parse(document)
        check_ports(configuration, PORTS)
    except ServiceConnectError:
        return
    offers = endpoints(configuration, PORTS, server="arn", namespace_name="shop")
    aliases = [alias for offer in configuration.offers for alias in offer.aliases]
    assert len({(each.name, each.port) for each in offers}) == len(aliases)
    for each in offers:
        assert isinstance(each, Endpoint)
        assert listening_port(configuration, PORTS, each.port_name) is not None
