"""EventBridge's connections: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateConnection.html"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.world import World


def create(events: Any) -> None:
    key = {"ApiKeyName": "x", "ApiKeyValue": "x"}
    events.create_connection(Name="slack", AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": key})


def test_a_connection_is_made_once_and_takes_its_secret_along() -> None:
    """A repeated call is refused, leaves no second secret, and the name is free again after the deletion."""
    with World.virtual() as world:
        events, secrets = world.administrator("events"), world.administrator("secretsmanager")
        create(events)
        with pytest.raises(ClientError, match="ResourceAlreadyExistsException"):
            create(events)
        assert len(secrets.list_secrets()["SecretList"]) == 1
        events.delete_connection(Name="slack")
        assert secrets.list_secrets()["SecretList"] == []
        create(events)


HTTPS = "https://hooks.example.org/x"


def destination(events: Any, arn: str, endpoint: str = HTTPS, **further: Any) -> Any:
    return events.create_api_destination(
        Name="slack", ConnectionArn=arn, InvocationEndpoint=endpoint, HttpMethod="POST", **further
    )


def test_refusals_of_connections_and_destinations() -> None:
    """A connection's parameters must fit its kind; a destination needs HTTPS and a connection of its region.

    Measured: https://github.com/badmintoncryer/cdk-preflight (pf-events-connection-auth-parameters,
    pf-events-apidestination-endpoint); recorded: test_api_destinations_and_connection.snapshot.json.
    """
    with World.virtual() as world:
        events = world.administrator("events")
        key = {"ApiKeyAuthParameters": {"ApiKeyName": "x", "ApiKeyValue": "x"}}
        with pytest.raises(
            ClientError, match=r"Parameter BasicAuthParameters is not valid. Reason: Missing required field"
        ):
            events.create_connection(Name="slack", AuthorizationType="BASIC", AuthParameters=key)
        with pytest.raises(ClientError, match="Connection 'slack' does not exist"):
            events.describe_connection(Name="slack")
        with pytest.raises(ClientError, match=r"Value 'Invalid Name!' at 'name' failed to satisfy constraint"):
            events.create_connection(Name="Invalid Name!", AuthorizationType="API_KEY", AuthParameters=key)
        create(events)
        arn = events.describe_connection(Name="slack")["ConnectionArn"]
        with pytest.raises(ClientError, match=r"Reason: Endpoint 'http://example.org/x' is not valid"):
            destination(events, arn, "http://example.org/x")
        with pytest.raises(ClientError, match="Invalid ARN: 'arn:aws:events:us-west-2"):
            destination(events, arn.replace("eu-west-1", "us-west-2"))
        with pytest.raises(ClientError, match="Connection 'none' does not exist"):
            destination(events, arn.replace("slack", "none"))
        with pytest.raises(ClientError, match="Value 'POUST' at 'httpMethod' failed to satisfy constraint"):
            events.create_api_destination(Name="slack", ConnectionArn=arn, InvocationEndpoint=HTTPS, HttpMethod="POUST")
        assert events.list_api_destinations()["ApiDestinations"] == []
        assert destination(events, arn)["ApiDestinationState"] == "ACTIVE"
        with pytest.raises(
            ClientError, match=r"ResourceAlreadyExistsException.*An api-destination 'slack' already exists"
        ):
            destination(events, arn)


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost:9", "10.1.2.3", "[::1]:9"])
def test_a_stand_in_on_this_machine_may_be_plain_http(host: str) -> None:
    """HTTP is accepted for local and private addresses only: a webhook's replacement there has no certificate."""
    with World.virtual() as world:
        events = world.administrator("events")
        create(events)
        arn = events.describe_connection(Name="slack")["ConnectionArn"]
        endpoint = f"http://{host}/x"
        if "[" in host:
            with pytest.raises(ClientError, match="invocationEndpoint"):
                destination(events, arn, endpoint)
        else:
            assert destination(events, arn, endpoint)["ApiDestinationState"] == "ACTIVE"
