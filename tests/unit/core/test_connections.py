"""CodeConnections, under both names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual() as opened:
        yield opened


def test_a_connection_is_born_pending(world: World) -> None:
    """Made through an API, a connection waits for a person
    (https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-update.html)."""
    client = world.administrator("codestar-connections")
    arn = client.create_connection(ConnectionName="x", ProviderType="GitHub")["ConnectionArn"]
    assert client.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] == "PENDING"
    world.connections.authorise(arn)
    assert client.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] == "AVAILABLE"


def test_both_names_see_the_same_connections(world: World) -> None:
    """A connection created under the old name exists under the new one, by either spelling of its ARN."""
    arn = world.administrator("codestar-connections").create_connection(ConnectionName="x", ProviderType="GitHub")[
        "ConnectionArn"
    ]
    new = world.administrator("codeconnections")
    assert [c["ConnectionArn"] for c in new.list_connections()["Connections"]] == [arn]
    other = arn.replace("codestar-connections", "codeconnections")
    assert new.get_connection(ConnectionArn=other)["Connection"]["ConnectionName"] == "x"


def test_a_new_style_connection_has_a_new_style_arn(world: World) -> None:
    """The prefix of the ARN is that of the service it was made with
    (https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html)."""
    arn = world.administrator("codeconnections").create_connection(ConnectionName="x", ProviderType="GitHub")[
        "ConnectionArn"
    ]
    assert arn.split(":")[2] == "codeconnections"


def test_tags_come_and_go(world: World) -> None:
    """Tags given at creation, added and removed are those listed."""
    client = world.administrator("codestar-connections")
    arn = client.create_connection(ConnectionName="x", ProviderType="GitHub", Tags=[{"Key": "a", "Value": "1"}])[
        "ConnectionArn"
    ]
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_listing_pages_and_filters(world: World) -> None:
    """MaxResults pages, and the provider filter leaves only its own."""
    client = world.administrator("codestar-connections")
    for number in range(3):
        client.create_connection(ConnectionName=f"g{number}", ProviderType="GitHub")
    client.create_connection(ConnectionName="l", ProviderType="GitLab")
    first = client.list_connections(ProviderTypeFilter="GitHub", MaxResults=2)
    rest = client.list_connections(ProviderTypeFilter="GitHub", MaxResults=2, NextToken=first["NextToken"])
    assert [c["ConnectionName"] for c in first["Connections"] + rest["Connections"]] == ["g0", "g1", "g2"]
    assert "NextToken" not in rest


def test_a_deleted_connection_is_gone(world: World) -> None:
    """A deleted connection is not found, by AWS's own code."""
    client = world.administrator("codestar-connections")
    arn = client.create_connection(ConnectionName="x", ProviderType="GitHub")["ConnectionArn"]
    client.delete_connection(ConnectionArn=arn)
    with pytest.raises(ClientError) as raised:
        client.get_connection(ConnectionArn=arn)
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_requests_that_are_refused_leave_nothing(world: World) -> None:
    """API_CreateConnection, API_CreateHost: limits of the model, references that must exist, one way to name the provider."""
    client = world.administrator("codestar-connections")
    host = client.create_host(Name="h", ProviderType="GitHubEnterpriseServer", ProviderEndpoint="https://git.example")[
        "HostArn"
    ]
    gone = host.replace("host/h/", "host/gone/")
    refused = [
        ("ValidationException", {"ConnectionName": "x" * 33, "ProviderType": "GitHub"}),
        ("ValidationException", {"ConnectionName": "x", "ProviderType": "SourceSafe"}),
        ("ValidationException", {"ConnectionName": "x"}),
        ("ValidationException", {"ConnectionName": "x", "ProviderType": "GitHub", "HostArn": host}),
        ("ValidationException", {"ConnectionName": "x", "ProviderType": "GitHubEnterpriseServer"}),
        ("ResourceNotFoundException", {"ConnectionName": "x", "HostArn": gone}),
        (
            "ValidationException",
            {"ConnectionName": "x", "ProviderType": "GitHub", "Tags": [{"Key": "aws:a", "Value": ""}]},
        ),
    ]
    for code, members in refused:
        with pytest.raises(ClientError) as raised:
            client.create_connection(**members)
        assert raised.value.response["Error"]["Code"] == code, members
    with pytest.raises(ClientError) as raised:
        client.create_host(Name="g", ProviderType="GitHub", ProviderEndpoint="https://github.com")
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError) as raised:
        client.list_connections(NextToken="nonsense")
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert client.list_connections()["Connections"] == []
    assert [host["HostArn"] for host in client.list_hosts()["Hosts"]] == [host]


def test_a_connection_is_of_its_region(world: World) -> None:
    """The API of another region does not know it."""
    arn = world.administrator("codestar-connections").create_connection(ConnectionName="x", ProviderType="GitHub")[
        "ConnectionArn"
    ]
    elsewhere = world.administrator("codestar-connections", region="us-east-1")
    for call in (elsewhere.get_connection, elsewhere.delete_connection):
        with pytest.raises(ClientError, match="not found"):
            call(ConnectionArn=arn)
