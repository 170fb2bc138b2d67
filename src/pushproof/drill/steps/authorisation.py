"""Authorisation of the source's connection, as a person does it once in the console."""

from __future__ import annotations

from pushproof.drill.context import Context


def awaits_authorisation(context: Context) -> bool:
    """Return whether the environment has a connection that the drill is to authorise, and has not yet."""
    arn = context.delivery.source.connection_arn
    if not arn or context.target.lacks("pending-connection") is not None:
        return False
    # `codestar-connections` and `codeconnections` both have connections; the ARN tells whose it is.
    connections = context.target.client(arn.split(":")[2])
    return bool(connections.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] != "AVAILABLE")


def authorise(context: Context) -> None:
    """Authorise the environment's connection, and claim it."""
    context.target.authorise_connection(context.delivery.source.connection_arn)
    context.narrator.claim("the connection is authorised, as a person does it once in the console")
