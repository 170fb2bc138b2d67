"""Kinds that start things and send notifications. Rules go first, so that nothing starts behind the sweep."""

from __future__ import annotations

from collections.abc import Iterator

from pushproof.aws.tags import tag_map
from pushproof.sandbox.sweep.resource import Account, Kind, Resource, epoch, gone_is_fine, pages


def _rules(account: Account) -> Iterator[Resource]:
    api = account.client("events")
    for rule in pages(api, "list_rules", "Rules"):
        if rule.get("ManagedBy"):
            continue
        answer = gone_is_fine(api.list_tags_for_resource, ResourceARN=rule["Arn"]) or {}
        yield Resource("events rule", rule["Name"], name=rule["Name"], tags=tag_map(answer.get("Tags")))


def _remove_rule(account: Account, resource: Resource) -> None:
    api = account.client("events")
    targets = (gone_is_fine(api.list_targets_by_rule, Rule=resource.id) or {}).get("Targets") or []
    if targets:
        gone_is_fine(api.remove_targets, Rule=resource.id, Ids=[target["Id"] for target in targets])
    gone_is_fine(api.delete_rule, Name=resource.id)


def _destinations(account: Account) -> Iterator[Resource]:
    # Neither destinations nor connections carry tags: their names show the run.
    for item in pages(account.client("events"), "list_api_destinations", "ApiDestinations"):
        yield Resource(
            "events api-destination", item["Name"], name=item["Name"], created_at=epoch(item.get("CreationTime"))
        )


def _event_connections(account: Account) -> Iterator[Resource]:
    for item in pages(account.client("events"), "list_connections", "Connections"):
        yield Resource(
            "events connection", item["Name"], name=item["Name"], going=item.get("ConnectionState") == "DELETING",
            created_at=epoch(item.get("CreationTime")),
        )  # fmt: skip


def _topics(account: Account) -> Iterator[Resource]:
    api = account.client("sns")
    for topic in pages(api, "list_topics", "Topics"):
        arn = topic["TopicArn"]
        answer = gone_is_fine(api.list_tags_for_resource, ResourceArn=arn) or {}
        yield Resource("sns topic", arn, name=arn.rpartition(":")[2], tags=tag_map(answer.get("Tags")))


def _queues(account: Account) -> Iterator[Resource]:
    api = account.client("sqs")
    for url in pages(api, "list_queues", "QueueUrls"):
        answer = gone_is_fine(api.list_queue_tags, QueueUrl=url) or {}
        yield Resource("sqs queue", url, name=url.rpartition("/")[2], tags=answer.get("Tags") or {})


FIRST = (Kind("events rule", _rules, _remove_rule),)
LATER = (
    Kind("events api-destination", _destinations,
         lambda account, resource: gone_is_fine(account.client("events").delete_api_destination, Name=resource.id)),
    Kind("events connection", _event_connections,
         lambda account, resource: gone_is_fine(account.client("events").delete_connection, Name=resource.id)),
    Kind("sns topic", _topics,
         lambda account, resource: gone_is_fine(account.client("sns").delete_topic, TopicArn=resource.id)),
    Kind("sqs queue", _queues,
         lambda account, resource: gone_is_fine(account.client("sqs").delete_queue, QueueUrl=resource.id)),
)  # fmt: skip
