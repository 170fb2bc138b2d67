"""A task's life: environment, secrets, logs, states, ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pushproof.emulator.runtime.scripted.runtime import Behaviour, InvalidBehaviour
from pushproof.emulator.services.ecs.preparing import SecretReference


def run(stack: Any, definition: str, **options: Any) -> dict[str, Any]:
    made: dict[str, Any] = stack.ecs.run_task(
        cluster="main", taskDefinition=definition, launchType="FARGATE", networkConfiguration=stack.network, **options
    )["tasks"][0]
    return made


def shown(stack: Any, task: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = stack.ecs.describe_tasks(cluster="main", tasks=[task["taskArn"]])["tasks"][0]
    return found


def test_a_task_goes_through_awss_states(stack: Any) -> None:
    """PROVISIONING to STOPPED, each announced as an ECS Task State Change."""
    stack.runtime.add_image("job:1", {"exit-after": 30, "exit-code": 0})
    task = run(stack, stack.define("job:1"), startedBy="me")
    assert task["lastStatus"] == "PROVISIONING"
    stack.until(lambda: shown(stack, task)["lastStatus"] == "STOPPED")
    told = [one for one in stack.announced("ECS Task State Change") if one["taskArn"] == task["taskArn"]]
    statuses = list(dict.fromkeys(one["lastStatus"] for one in told))
    assert statuses == ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "STOPPING", "DEPROVISIONING", "STOPPED"]
    assert [one["version"] for one in told] == sorted(one["version"] for one in told)
    end = shown(stack, task)
    assert (end["stopCode"], end["containers"][0]["exitCode"]) == ("EssentialContainerExited", 0)
    assert end["startedBy"] == "me"
    assert end["createdAt"] < end["startedAt"] < end["stoppedAt"]
    assert stack.interfaces() == []


def test_environment_secrets_and_overrides_reach_the_container(stack: Any) -> None:
    """AWS's own variables, the definition's, whole secrets, a JSON key of one, parameters, and RunTask's overrides."""
    plain = stack.secrets.create_secret(Name="app/plain", SecretString="s3cret")["ARN"]
    keyed = stack.secrets.create_secret(Name="app/keyed", SecretString=json.dumps({"url": "pg://x", "n": 5}))["ARN"]
    stack.world.administrator("ssm").put_parameter(Name="/app/flag", Value="on", Type="String")
    definition = stack.define(
        environment=[{"name": "APP_ENV", "value": "dev"}, {"name": "PORT", "value": "8080"}],
        secrets=[
            {"name": "PLAIN", "valueFrom": plain},
            {"name": "URL", "valueFrom": f"{keyed}:url::"},
            {
                "name": "FLAG",
                "valueFrom": f"arn:aws:ssm:{stack.world.region}:{stack.world.account_id}:parameter/app/flag",
            },
        ],
    )
    run(
        stack,
        definition,
        overrides={"containerOverrides": [{"name": "app", "environment": [{"name": "PORT", "value": "9"}]}]},
    )
    stack.advance(30)
    environment = stack.runtime.started[0].containers[0].environment
    wanted = {"APP_ENV": "dev", "PORT": "9", "PLAIN": "s3cret", "URL": "pg://x", "FLAG": "on"}
    assert wanted.items() <= environment.items()
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == stack.world.region
    assert "AWS_ENDPOINT_URL" not in environment


def test_secrets_are_fetched_with_the_execution_role(stack: Any) -> None:
    """A role that may not read the secret stops the task with AccessDeniedException."""
    arn = stack.secrets.create_secret(Name="app/x", SecretString="x")["ARN"]
    stack.world.administrator("iam").delete_role_policy(RoleName="execution", PolicyName="all")
    task = run(stack, stack.define(secrets=[{"name": "X", "valueFrom": arn}]))
    stack.until(lambda: shown(stack, task)["lastStatus"] == "STOPPED")
    assert "AccessDeniedException" in shown(stack, task)["stoppedReason"]


def test_a_missing_json_key_is_named(stack: Any) -> None:
    """A key that the secret does not hold stops the task in AWS's words."""
    arn = stack.secrets.create_secret(Name="app/x", SecretString="{}")["ARN"]
    task = run(stack, stack.define(secrets=[{"name": "X", "valueFrom": f"{arn}:url::"}]))
    stack.until(lambda: shown(stack, task)["lastStatus"] == "STOPPED")
    reason = shown(stack, task)["stoppedReason"]
    assert "retrieved secret from Secrets Manager did not contain json key url" in reason


def test_output_goes_to_cloudwatch_logs(stack: Any) -> None:
    """awslogs: stream `<prefix>/<container>/<task id>`, one event a line."""
    task = run(stack, stack.define("app:v1"))
    stack.advance(60)
    stream = f"ecs/app/{task['taskArn'].rsplit('/', 1)[1]}"
    events = stack.logs.get_log_events(logGroupName="/ecs/app", logStreamName=stream)["events"]
    assert [event["message"] for event in events] == ["listening v1"]


def test_a_missing_log_group_stops_the_task(stack: Any) -> None:
    """A task whose log stream cannot be created does not start, as on Fargate."""
    stack.logs.delete_log_group(logGroupName="/ecs/app")
    task = run(stack, stack.define())
    stack.until(lambda: shown(stack, task)["lastStatus"] == "STOPPED")
    reason = shown(stack, task)["stoppedReason"]
    assert reason.startswith("ResourceInitializationError: failed to validate logger args")
    assert "ResourceNotFoundException" in reason


def test_stop_task_says_who_and_why(stack: Any) -> None:
    """StopTask: UserInitiated with the given reason, exit code 143, also while the task is still starting."""
    early = run(stack, stack.define())
    stack.ecs.stop_task(cluster="main", task=early["taskArn"], reason="enough")
    late = run(stack, stack.define())
    stack.until(lambda: shown(stack, late)["lastStatus"] == "RUNNING")
    stack.ecs.stop_task(cluster="main", task=late["taskArn"])
    stack.advance(60)
    first, second = shown(stack, early), shown(stack, late)
    assert (first["lastStatus"], first["stopCode"], first["stoppedReason"]) == ("STOPPED", "UserInitiated", "enough")
    assert (second["stoppedReason"], second["containers"][0]["exitCode"]) == ("Task stopped by user", 143)
    assert stack.interfaces() == []


def test_network_refusals_carry_awss_texts(stack: Any) -> None:
    """A subnet without a path to a service stops the task with the text AWS shows for it."""
    arn = stack.secrets.create_secret(Name="app/x", SecretString="x")["ARN"]
    definition = stack.define(secrets=[{"name": "X", "valueFrom": arn}])
    seen = {}
    for blocked in ("secretsmanager", "logs"):

        class Refusing:
            def refusal(self, *, to: str, blocked: str = blocked, **_: Any) -> str | None:
                return "no route to it" if to == blocked else None

        stack.world.paths.refusal = Refusing().refusal
        task = run(stack, definition)
        stack.until(lambda task=task: shown(stack, task)["lastStatus"] == "STOPPED")
        seen[blocked] = shown(stack, task)["stoppedReason"]
    assert "connection issue between the task and AWS Secrets Manager" in seen["secretsmanager"]
    assert "connection issue between the task and Amazon CloudWatch" in seen["logs"]


def test_ecr_images_need_a_login_and_a_path(stack: Any) -> None:
    """An ECR image in a subnet without a path to ecr.api, then to ecr.dkr, causes AWS's two different errors."""

    class Refusing:
        blocked = "ecr.api"

        def refusal(self, *, to: str, **_: Any) -> str | None:
            return "no route to it" if to == self.blocked else None

    stack.world.paths.refusal = Refusing().refusal
    iam = stack.world.administrator("iam")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="execution", PolicyName="ecr", PolicyDocument=json.dumps(policy))
    host = f"{stack.world.account_id}.dkr.ecr.{stack.world.region}.amazonaws.com"
    task = run(stack, stack.define(f"{host}/app:v1"))
    stack.until(lambda: shown(stack, task)["lastStatus"] == "STOPPED")
    assert "The task cannot pull registry auth from Amazon ECR" in shown(stack, task)["stoppedReason"]
    Refusing.blocked = "ecr.dkr"
    task = run(stack, stack.define(f"{host}/app:v1"))
    stack.until(lambda: shown(stack, task)["lastStatus"] == "STOPPED")
    assert shown(stack, task)["stoppedReason"].startswith("CannotPullContainerError: ")


@pytest.mark.parametrize(
    ("value", "service", "key", "stage", "version"),
    [
        ("arn:aws:secretsmanager:r:1:secret:a-b", "secretsmanager", "", "", ""),
        ("arn:aws:secretsmanager:r:1:secret:a-b:k::", "secretsmanager", "k", "", ""),
        ("arn:aws:secretsmanager:r:1:secret:a-b::AWSPREVIOUS:", "secretsmanager", "", "AWSPREVIOUS", ""),
        ("arn:aws:secretsmanager:r:1:secret:a-b:::v1", "secretsmanager", "", "", "v1"),
        ("arn:aws:ssm:r:1:parameter/x", "ssm", "", "", ""),
    ],
)
def test_value_from_forms(value: str, service: str, key: str, stage: str, version: str) -> None:
    """The documented forms of `valueFrom` are read as documented (secrets-envvar-secrets-manager)."""
    read = SecretReference.parse(value)
    assert (read.service, read.json_key, read.version_stage, read.version_id) == (service, key, stage, version)


@pytest.mark.parametrize("labels", [{"exit-after": "soon"}, {"never-healthy": "maybe"}, {"exit-afer": "1"}])
def test_a_behaviour_that_says_nothing_is_refused(labels: dict[str, str]) -> None:
    """A misspelt label or value is an error that names it, not a task that behaves well."""
    with pytest.raises(InvalidBehaviour, match=r"pushproof\.behaviour\."):
        Behaviour.parse({f"pushproof.behaviour.{name}": value for name, value in labels.items()})


def test_a_task_without_groups_belongs_to_the_default_group(stack: Any) -> None:
    """No securityGroups in its network configuration: the interface, and what asks the network path, take the VPC's default."""
    definition = stack.define()
    stack.ecs.run_task(
        cluster="main",
        taskDefinition=definition,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": stack.subnets}},
    )
    stack.until(lambda: bool(stack.tasks()) and stack.tasks()[0]["lastStatus"] == "RUNNING")
    wanted = [{"Name": "vpc-id", "Values": [stack.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    default = stack.ec2.describe_security_groups(Filters=wanted)["SecurityGroups"][0]["GroupId"]
    assert stack.world.services["ecs"].life.tasks()[0].interface.groups == (default,)


def test_a_stop_while_running_is_reported_ends_the_task_once(stack: Any) -> None:
    """A task that is stopped at the news of RUNNING passes through each further status once.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
    """
    life = stack.world.services["ecs"].life
    changed = life._changed

    def stop_at_once(task: Any, what: str) -> None:
        changed(task, what)
        if what == "running":
            life.stop(task, "UserInitiated", "at once")

    life._changed = stop_at_once
    task = run(stack, stack.define())
    stack.until(lambda: shown(stack, task)["lastStatus"] == "STOPPED")
    stack.advance(60)
    announced = [one for one in stack.announced("ECS Task State Change") if one["taskArn"] == task["taskArn"]]
    end = announced[[one["lastStatus"] for one in announced].index("RUNNING") :]
    assert [one["lastStatus"] for one in end] == ["RUNNING", "STOPPING", "DEPROVISIONING", "STOPPED"]
    assert stack.runtime.running == []
