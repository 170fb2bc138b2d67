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
