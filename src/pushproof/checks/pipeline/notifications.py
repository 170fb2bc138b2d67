"""Notifications: a rule reports the outcome of each execution, in readable text, and only the pipeline can publish them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pushproof.aws.arns import account_of, arn_of, arn_of_root, region_of
from pushproof.checks.check import check
from pushproof.checks.finding import Finding
from pushproof.checks.pipeline.described import DescribedPipeline
from pushproof.checks.roles import decide_for, lets_in, read_role
from pushproof.engines import policy
from pushproof.engines.events import compile_pattern
from pushproof.engines.events.errors import EventError
from pushproof.engines.events.transform import NoResult, RuleFacts, compile_transformer

if TYPE_CHECKING:
    from types_boto3_events.type_defs import RuleTypeDef, TargetOutputTypeDef
    from types_boto3_sns.type_defs import SubscriptionTypeDef

_EVENTS = "https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html"
_TOPIC = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html"
_SUBSCRIPTION = "https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.confirm.html"
_TRANSFORMER = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html"
_DESTINATIONS = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html"
_TOPIC_ACCESS = "https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html"
_STRANGER = "999999999999"


class NotificationChecks(DescribedPipeline):
    """Checks of event rules, their targets, and topics."""

    @check
    def somebody_is_notified(self, *states: str) -> Iterator[Finding]:
        """A rule matches each state (by default STARTED, SUCCEEDED and FAILED), and EventBridge may call its target."""
        states = states or ("STARTED", "SUCCEEDED", "FAILED")
        events = self.aws("events")
        pages = events.get_paginator("list_rules").paginate()
        rules = [
            rule
            for page in pages
            for rule in page["Rules"]
            if rule.get("State") == "ENABLED" and rule.get("EventPattern")
        ]
        topics: dict[str, str] = {}
        for state in states:
            matching = [rule for rule in rules if compile_pattern(rule["EventPattern"]).matches(self._event(state))]
            targets = [
                (rule, t) for rule in matching for t in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            ]
            topics |= {target["Arn"]: rule["Arn"] for rule, target in targets if ":sns:" in target["Arn"]}
            if not targets:
                yield Finding(
                    resource=self._arn(),
                    expected=f"a rule with a target that matches {state}",
                    found=f"{', '.join(rule['Name'] for rule in matching)} matches and has no target"
                    if matching
                    else f"none of the {len(rules)} enabled rules matches it",
                    why="The pipeline stops and nobody knows.",
                    change="Add aws_cloudwatch_event_rule for CodePipeline Pipeline Execution State Change, and a target.",
                    page=_EVENTS,
                )
            elif all(":sns:" in target["Arn"] and not self._subscriptions(target["Arn"]) for _, target in targets):
                yield Finding(
                    resource=targets[0][1]["Arn"],
                    expected=f"a subscriber, or a target besides topics, for {state}",
                    found="topics that nobody is subscribed to",
                    why="The message is published, and nobody reads it.",
                    change="Subscribe an address to the topic, or add a target that reaches people.",
                    page=_EVENTS,
                )
            for rule, target in targets:
                yield from self._message(rule, target, state)
        destinations = {
            target["Arn"]: target for _, target in self._own_targets() if ":api-destination/" in target["Arn"]
        }
        for target in destinations.values():
            yield from self._destination(target)
        for topic, rule_arn in topics.items():
            yield from self._topic(topic, rule_arn)

    @check
    def tells_of_itself_only(self) -> Iterator[Finding]:
        """The rules that match this pipeline's events match no other pipeline's."""
        rules = {rule["Arn"]: rule for rule, _ in self._own_targets()}
        for rule in self._some(rules.values(), "a rule with a target that matches its events", page=_EVENTS):
            other = self._event("FAILED")
            other["detail"] |= {"pipeline": f"{self.pipeline}-of-somebody-else"}
            other["resources"] = [f"{self._arn()}-of-somebody-else"]
            if compile_pattern(rule["EventPattern"]).matches(other):
                yield Finding(
                    resource=rule["Arn"],
                    expected=f"a pattern that names the pipeline {self.pipeline}",
                    found="a pattern that matches other pipelines' events, too",
                    why="Messages about others' executions drown those about one's own, and the failure that counts is missed.",
                    change=f'detail = {{ pipeline = ["{self.pipeline}"] }}',
                    page=_EVENTS,
                )

    @check
    def topics_admit_only_their_publishers(self) -> Iterator[Finding]:
        """Only the account can publish to the topics or subscribe to them, and EventBridge only for the account's rules."""
        arns = dict.fromkeys(target["Arn"] for _, target in self._own_targets() if ":sns:" in target["Arn"])
        approvals = [a.get("configuration", {}).get("NotificationArn") for a in self._by("Manual")]
        topics = [*arns, *(arn for arn in approvals if arn and arn not in arns)]
        for topic in self._some(topics, "a topic that is told of executions or approvals", page=_TOPIC_ACCESS):
            text = self.aws("sns").get_topic_attributes(TopicArn=topic)["Attributes"].get("Policy")
            account = account_of(topic)
            own_rule = next((rule["Arn"] for rule, target in self._own_targets() if target["Arn"] == topic), "")
            foreign_rule = arn_of("events", "rule/any", region=region_of(topic), account=_STRANGER)
            other_rule = arn_of("events", "rule/somebody-elses", region=region_of(topic), account=account)
            eventbridge = policy.service_principal("events.amazonaws.com")
            stranger = policy.principal_of(arn_of_root(_STRANGER))
            calls: tuple[tuple[str, policy.Principal, str, dict[str, str]], ...] = (
                ("anybody, without signing in", policy.ANONYMOUS, "sns:Publish", {}),
                (f"account {_STRANGER}", stranger, "sns:Publish", {}),
                (f"account {_STRANGER}", stranger, "sns:Subscribe", {}),
                (
                    "EventBridge, for another account's rule",
                    eventbridge,
                    "sns:Publish",
                    {"aws:SourceArn": foreign_rule, "aws:SourceAccount": _STRANGER},
                ),
                (
                    f"EventBridge, for any rule of account {account}",
                    eventbridge,
                    "sns:Publish",
                    {"aws:SourceArn": other_rule, "aws:SourceAccount": account},
                ),
            )
            for who, caller, action, context in calls:
                if own_rule == "" and caller == eventbridge:
                    continue
                if _admits(text, topic, caller, action, context):
                    yield Finding(
                        resource=topic,
                        expected="a topic policy for the account's owner, and for EventBridge on behalf of this rule",
                        found=f"{who} may {action}",
                        why="Whoever can publish can tell the team that production is well; whoever can subscribe reads along.",
                        change="Condition: aws:SourceOwner for everybody of the account, aws:SourceArn for EventBridge.",
                        page=_TOPIC_ACCESS,
                    )

    def _own_targets(self) -> Iterator[tuple[RuleTypeDef, TargetOutputTypeDef]]:
        """The targets of enabled rules that match the end of this pipeline's executions."""
        events = self.aws("events")
        for page in events.get_paginator("list_rules").paginate():
            for rule in page["Rules"]:
                if rule.get("State") != "ENABLED" or not rule.get("EventPattern"):
                    continue
                pattern = compile_pattern(rule["EventPattern"])
                if any(pattern.matches(self._event(state)) for state in ("STARTED", "SUCCEEDED", "FAILED")):
                    for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                        yield rule, target

    def _message(self, rule: RuleTypeDef, target: TargetOutputTypeDef, state: str) -> Iterator[Finding]:
        """The message to a target has the pipeline's name and the outcome."""
        transformer = target.get("InputTransformer")
        if transformer is None:
            return
        template, paths = transformer["InputTemplate"], transformer.get("InputPathsMap", {})
        try:
            text = compile_transformer(paths, template).apply(
                self._event(state), RuleFacts(rule["Arn"], rule["Name"], "2026-01-01T00:00:00Z")
            )
            message = json.loads(text) if text.lstrip().startswith(("{", "[", '"')) else text
        except (EventError, NoResult, ValueError) as problem:
            yield self._wordless(target, f"EventBridge cannot fill the template: {problem}", template)
            return
        words = json.dumps(message, ensure_ascii=False)
        missing = [word for word in (self.pipeline, state) if word not in words]
        if missing:
            yield self._wordless(target, f"{text}, which does not say {' and '.join(missing)}", template)

    def _wordless(self, target: TargetOutputTypeDef, found: str, template: str) -> Finding:
        escaped = "\\u003c" in template.lower() or "\\u003e" in template.lower()
        return Finding(
            resource=target["Arn"],
            expected="a message that names the pipeline and the state of its execution",
            found=found,
            why="Something has happened to something: whoever reads it has to go and look, and soon nobody does.",
            change="Write the template as a string and not with jsonencode, which makes \\u003c of <."
            if escaped
            else "Put $.detail.pipeline and $.detail.state into input_paths, and <their names> into the template.",
            page=_TRANSFORMER,
        )

    def _destination(self, target: TargetOutputTypeDef) -> Iterator[Finding]:
        """EventBridge may call the API destination, and sends it a message."""
        name = target["Arn"].split("/")[1]
        destination = self.aws("events").describe_api_destination(Name=name)
        if destination.get("HttpMethod") not in ("POST", "PUT", "PATCH"):
            yield Finding(
                resource=target["Arn"],
                expected="HTTP method POST",
                found=str(destination.get("HttpMethod")),
                why="A webhook reads the message from the request's body, and answers everything else with an error.",
                change='http_method = "POST"',
                page=_DESTINATIONS,
            )
        role = target.get("RoleArn", "")
        refused = "no role" if not role else self._refused(role, target["Arn"])
        if refused is not None:
            yield Finding(
                resource=target["Arn"],
                expected="a role that EventBridge can assume, and that may events:InvokeApiDestination on it",
                found=refused,
                why="EventBridge is refused, silently: the apply succeeds and no message ever arrives.",
                change="role_arn of a role that trusts events.amazonaws.com and allows events:InvokeApiDestination on the ARN.",
                page=_DESTINATIONS,
            )

    def _refused(self, role_arn: str, destination: str) -> str | None:
        """The reason why EventBridge cannot call a destination with a role; None when it can."""
        name, account = role_arn.rpartition("/")[2], account_of(destination)
        try:
            role = read_role(self.aws("iam"), name)
        except LookupError as problem:
            return str(problem)
        source = {"aws:SourceAccount": account, "aws:SourceArn": next(r["Arn"] for r, _ in self._own_targets())}
        if not lets_in(role, policy.service_principal("events.amazonaws.com"), source):
            return f"{name} does not let events.amazonaws.com in"
        decision = decide_for(role, "events:InvokeApiDestination", destination)
        return None if decision.allowed else decision.reason

    def _subscriptions(self, topic: str) -> list[SubscriptionTypeDef]:
        pages = self.aws("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        return [subscription for page in pages for subscription in page["Subscriptions"]]

    def _topic(self, topic: str, rule: str) -> Iterator[Finding]:
        sns = self.aws("sns")
        attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
        if not _lets_events_publish(attributes.get("Policy"), topic, rule):
            yield Finding(
                resource=topic,
                expected="a topic policy that lets events.amazonaws.com publish",
                found=f"no statement that lets the rule {rule.rpartition('/')[2]} publish",
                why="EventBridge is refused, silently: the apply succeeds and no message ever arrives.",
                change=f"Add aws_sns_topic_policy: Principal events.amazonaws.com, sns:Publish, ArnEquals aws:SourceArn {rule}.",
                page=_TOPIC,
            )
        if attributes.get("KmsMasterKeyId", "").endswith("alias/aws/sns"):
            yield Finding(
                resource=topic,
                expected="no encryption, or a key of your own whose policy admits events.amazonaws.com",
                found="encryption with alias/aws/sns",
                why="EventBridge may not use the key that AWS manages for SNS: messages vanish without a trace.",
                change="Leave kms_master_key_id out, or name a customer-managed key.",
                page=_TOPIC,
            )
        for subscription in self._subscriptions(topic):
            if "hooks.slack.com" in subscription["Endpoint"] or (
                subscription["Protocol"] in ("http", "https") and "/services/T" in subscription["Endpoint"]
            ):
                yield Finding(
                    resource=topic,
                    expected="Slack reached by an API destination, Amazon Q Developer or a function",
                    found=f"an SNS {subscription['Protocol']} subscription of a Slack webhook",
                    why="A webhook cannot confirm a subscription and rejects what SNS sends: it stays"
                    " PendingConfirmation for ever.",
                    change="Use aws_cloudwatch_event_api_destination with an input transformer.",
                    page=_SUBSCRIPTION,
                )

    def _event(self, state: str) -> dict[str, Any]:
        arn = self._arn()
        return {
            "version": "0",
            "id": "00000000-0000-0000-0000-000000000000",
            "detail-type": "CodePipeline Pipeline Execution State Change",
            "source": "aws.codepipeline",
            "account": account_of(arn),
            "time": "2026-01-01T00:00:00Z",
            "region": region_of(arn),
            "resources": [arn],
            "detail": {"pipeline": self.pipeline, "execution-id": "0", "state": state, "version": 1},
        }


def _lets_events_publish(text: str | None, topic: str, rule: str) -> bool:
    """Return whether a topic's policy allows EventBridge to publish for this rule."""
    context = {"aws:SourceArn": rule, "aws:SourceAccount": account_of(topic)}
    return _admits(text, topic, policy.service_principal("events.amazonaws.com"), "sns:Publish", context)


def _admits(text: str | None, topic: str, caller: policy.Principal, action: str, context: dict[str, str]) -> bool:
    """Return whether a topic's policy allows an action to a caller with every identity-based permission."""
    if not text:
        return False
    call = policy.request(caller, action, topic, context, resource_account=account_of(topic))
    resource = policy.parse(text, policy.Kind.RESOURCE, name=topic)
    everything = policy.parse(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    )
    policies = policy.Policies(identity=(everything,), resource=resource, resource_decides=True)
    return policy.decide(call, policies).allowed
