"""Refusals of the services of the delivery plane and of those around it."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.emulator.refusals.rows import Refusal, Service
from tests.unit.emulator.refusals.scene import Scene

_DOCS = "https://docs.aws.amazon.com"
_DEPLOYMENT = f"{_DOCS}/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html"
_TROUBLE = f"{_DOCS}/AmazonECS/latest/developerguide/troubleshooting-blue-green.html"
_POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)

_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
        ],
    }
)


def _role_name(scene: Scene) -> str:
    return scene.role.rpartition("/")[2]


def _attached(scene: Scene) -> dict[str, Any]:
    arn = scene.iam.create_policy(PolicyName=scene.name("policy"), PolicyDocument=_POLICY)["Policy"]["Arn"]
    scene.iam.attach_role_policy(RoleName=_role_name(scene), PolicyArn=arn)
    return {"PolicyArn": arn}


def _with_inline_policy(scene: Scene) -> str:
    scene.iam.put_role_policy(RoleName=_role_name(scene), PolicyName="p", PolicyDocument=_POLICY)
    return _role_name(scene)


def _rule(scene: Scene) -> str:
    name = scene.name("rule")
    scene.events.put_rule(Name=name, EventPattern='{"source":["aws.ecs"]}')
    return name


def _rule_with_target(scene: Scene) -> str:
    name = _rule(scene)
    scene.events.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": scene.topic}])
    return name


def _alarm(scene: Scene, **more: Any) -> dict[str, Any]:
    sent = {"AlarmName": scene.name("alarm"), "MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Period": 60}
    return {**sent, "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold", **more}


def _cluster(scene: Scene) -> str:
    return str(scene.ecs.create_cluster(clusterName=scene.name("cluster"))["cluster"]["clusterName"])


def _family(scene: Scene) -> str:
    name = scene.name("family")
    scene.ecs.register_task_definition(
        family=name,
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "app", "image": "app", "essential": True}],
    )
    return name


def _service(scene: Scene, **more: Any) -> dict[str, Any]:
    network = {"awsvpcConfiguration": {"subnets": [scene.subnet]}}
    sent = {"cluster": _cluster(scene), "serviceName": "s", "taskDefinition": _family(scene), "desiredCount": 0}
    return {**sent, "launchType": "FARGATE", "networkConfiguration": network, **more}


def _repository(scene: Scene) -> str:
    return str(scene.ecr.create_repository(repositoryName=scene.name("repository"))["repository"]["repositoryName"])


def _balanced_group(scene: Scene, **more: Any) -> dict[str, Any]:
    sent = {"Name": scene.name("tg"), "Protocol": "HTTP", "Port": 80, "VpcId": scene.vpc, "TargetType": "ip"}
    return {**sent, **more}


def _target_group(scene: Scene) -> dict[str, Any]:
    sent = _balanced_group(scene)
    scene.elbv2.create_target_group(**sent)
    return sent


def _pipeline(scene: Scene, **more: Any) -> dict[str, Any]:
    source = {
        "name": "Source",
        "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "S3", "version": "1"},
        "configuration": {"S3Bucket": scene.bucket, "S3ObjectKey": "a.zip"},
        "outputArtifacts": [{"name": "a"}],
    }
    approval = {
        "name": "Ask",
        "actionTypeId": {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"},
    }
    stages = [{"name": "Source", "actions": [source]}, {"name": "Ask", "actions": [approval]}]
    pipeline = {
        "name": scene.name("pipeline"),
        "roleArn": scene.role,
        "stages": stages,
        "artifactStore": {"type": "S3", "location": scene.bucket},
        **more,
    }
    return {"pipeline": pipeline}  # fmt: skip


IAM = (
    Refusal("CreateRole", "a name that exists", "EntityAlreadyExists",
            lambda a: (a.iam.create_role, {"RoleName": _role_name(a), "AssumeRolePolicyDocument": json.dumps(
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                         "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]})})),
    Refusal("CreateRole", "a trust policy that names nobody's role", "MalformedPolicyDocument",
            lambda a: (a.iam.create_role, {"RoleName": a.name("role"), "AssumeRolePolicyDocument": json.dumps(
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {
                    "AWS": f"arn:aws:iam::{a.account}:role/none"}}]})}), says="Invalid principal in policy"),
    Refusal("CreateRole", "a name with a blank", "ValidationError",
            lambda a: (a.iam.create_role, {"RoleName": "a role", "AssumeRolePolicyDocument": _TRUST})),
    Refusal("CreatePolicy", "a document with a principal", "MalformedPolicyDocument",
            lambda a: (a.iam.create_policy, {"PolicyName": a.name("policy"), "PolicyDocument": json.dumps(
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*",
                                                         "Principal": "*"}]})})),
    Refusal("DeletePolicy", "a policy that is attached", "DeleteConflict",
            lambda a: (a.iam.delete_policy, _attached(a))),
    Refusal("DeleteRole", "a role with an attached policy", "DeleteConflict",
            lambda a: (a.iam.delete_role, {"RoleName": _role_name(a) if _attached(a) else ""})),
    Refusal("DeleteRole", "a role with an inline policy", "DeleteConflict",
            lambda a: (a.iam.delete_role, {"RoleName": _with_inline_policy(a)})),
    Refusal("DeleteRole", "a role that does not exist", "NoSuchEntity",
            lambda a: (a.iam.delete_role, {"RoleName": "none"})),
    Refusal("AttachRolePolicy", "a policy that does not exist", "NoSuchEntity",
            lambda a: (a.iam.attach_role_policy,
                       {"RoleName": _role_name(a), "PolicyArn": f"arn:aws:iam::{a.account}:policy/none"})),
    Refusal("CreateRole", "a session of more than twelve hours", "ValidationError",
            lambda a: (a.iam.create_role, {"RoleName": a.name("role"), "MaxSessionDuration": 43201,
                                           "AssumeRolePolicyDocument": a.iam.get_role(RoleName=_role_name(a))[
                                               "Role"]["AssumeRolePolicyDocument"] and json.dumps(
                {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                         "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]})})),
)  # fmt: skip

STS = (
    Refusal("AssumeRole", "a role that does not exist", "AccessDenied",
            lambda a: (a.sts.assume_role,
                       {"RoleArn": f"arn:aws:iam::{a.account}:role/none", "RoleSessionName": "session"})),
    Refusal("AssumeRole", "a role that trusts services alone", "AccessDenied",
            lambda a: (a.sts.assume_role, {"RoleArn": a.role, "RoleSessionName": "session"})),
)  # fmt: skip

SNS = (
    Refusal("Subscribe", "a topic that does not exist", "NotFound",
            lambda a: (a.sns.subscribe, {"TopicArn": f"arn:aws:sns:{a.region}:{a.account}:none", "Protocol": "email",
                                         "Endpoint": "a@example.com"})),
    Refusal("Subscribe", "an endpoint that is no address of its protocol", "InvalidParameter",
            lambda a: (a.sns.subscribe, {"TopicArn": a.topic, "Protocol": "https", "Endpoint": "nothing"})),
    Refusal("CreateTopic", "a name with letters that are not allowed", "InvalidParameter",
            lambda a: (a.sns.create_topic, {"Name": "a topic!"})),
    Refusal("Publish", "a topic that does not exist", "NotFound",
            lambda a: (a.sns.publish, {"TopicArn": f"arn:aws:sns:{a.region}:{a.account}:none", "Message": "m"})),
    Refusal("Publish", "an empty message", "InvalidParameter",
            lambda a: (a.sns.publish, {"TopicArn": a.topic, "Message": ""})),
)  # fmt: skip

SQS = (
    Refusal("CreateQueue", "a name that exists, with other attributes", "QueueAlreadyExists",
            lambda a: (a.sqs.create_queue, {"QueueName": a.queue.rpartition("/")[2],
                                            "Attributes": {"VisibilityTimeout": "77"}})),
    Refusal("CreateQueue", "a FIFO queue whose name does not end in .fifo", "InvalidParameterValue",
            lambda a: (a.sqs.create_queue, {"QueueName": a.name("queue"), "Attributes": {"FifoQueue": "true"}})),
    Refusal("SendMessage", "a queue that does not exist", "AWS.SimpleQueueService.NonExistentQueue",
            lambda a: (a.sqs.send_message, {"QueueUrl": f"{a.queue}-none", "MessageBody": "m"})),
    Refusal("SetQueueAttributes", "a timeout of more than twelve hours", "InvalidAttributeValue",
            lambda a: (a.sqs.set_queue_attributes,
                       {"QueueUrl": a.queue, "Attributes": {"VisibilityTimeout": "43201"}}), yet=False),
)  # fmt: skip

EVENTS = (
    Refusal("PutRule", "a pattern that cannot be read", "InvalidEventPatternException",
            lambda a: (a.events.put_rule, {"Name": a.name("rule"), "EventPattern": '{"source": "aws.ecs"}'})),
    Refusal("PutRule", "neither a pattern nor a schedule", "ValidationException",
            lambda a: (a.events.put_rule, {"Name": a.name("rule")})),
    Refusal("PutTargets", "a rule that does not exist", "ResourceNotFoundException",
            lambda a: (a.events.put_targets, {"Rule": "none", "Targets": [{"Id": "t", "Arn": a.topic}]})),
    Refusal("PutTargets", "a pipeline without a role", "ValidationException",
            lambda a: (a.events.put_targets, {"Rule": _rule(a), "Targets": [
                {"Id": "t", "Arn": f"arn:aws:codepipeline:{a.region}:{a.account}:p"}]}), says="RoleArn is required"),
    Refusal("DeleteRule", "a rule with targets", "ValidationException",
            lambda a: (a.events.delete_rule, {"Name": _rule_with_target(a)})),
)  # fmt: skip

CLOUDWATCH = (
    Refusal("PutMetricAlarm", "a period that is not offered", "ValidationError",
            lambda a: (a.cloudwatch.put_metric_alarm, _alarm(a, Period=45))),
    Refusal("PutMetricAlarm", "more datapoints than periods", "ValidationError",
            lambda a: (a.cloudwatch.put_metric_alarm, _alarm(a, DatapointsToAlarm=2))),
    Refusal("DeleteAlarms", "an alarm that does not exist", "ResourceNotFound",
            lambda a: (a.cloudwatch.delete_alarms, {"AlarmNames": ["none"]})),
)  # fmt: skip

ELBV2 = (
    Refusal("CreateLoadBalancer", "one subnet", "ValidationError",
            lambda a: (a.elbv2.create_load_balancer, {"Name": a.name("lb"), "Scheme": "internal",
                                                      "Subnets": [a.subnet]})),
    Refusal("CreateLoadBalancer", "a subnet that does not exist", "SubnetNotFound",
            lambda a: (a.elbv2.create_load_balancer,
                       {"Name": a.name("lb"), "Scheme": "internal",
                        "Subnets": [a.subnet, "subnet-0123456789abcdef0"]})),
    Refusal("CreateLoadBalancer", "an internet-facing one in a VPC without an internet gateway", "InvalidSubnet",
            lambda a: (a.elbv2.create_load_balancer,
                       {"Name": a.name("lb"), "Subnets": [a.subnet, a.new_subnet("10.0.2.0/24", zone=1)]})),
    Refusal("CreateTargetGroup", "a name that exists, with other settings", "DuplicateTargetGroupName",
            lambda a: (a.elbv2.create_target_group, {**_target_group(a), "Port": 81})),
    Refusal("DeleteLoadBalancer", "what is no ARN of a load balancer", "ValidationError",
            lambda a: (a.elbv2.delete_load_balancer, {"LoadBalancerArn": "none"}), yet=False),
    Refusal("DescribeTargetGroups", "a group that does not exist", "TargetGroupNotFound",
            lambda a: (a.elbv2.describe_target_groups, {"Names": ["none"]})),
)  # fmt: skip

ECS = (
    Refusal("CreateService", "a cluster that does not exist", "ClusterNotFoundException",
            lambda a: (a.ecs.create_service, _service(a, cluster="none"))),
    Refusal("CreateService", "a task definition that does not exist", "ClientException",
            lambda a: (a.ecs.create_service, _service(a, taskDefinition="none:1"))),
    Refusal("CreateService", "a subnet that does not exist", "InvalidParameterException",
            lambda a: (a.ecs.create_service, _service(a, networkConfiguration={
                "awsvpcConfiguration": {"subnets": ["subnet-0123456789abcdef0"]}}))),
    Refusal("CreateService", "no network for awsvpc", "InvalidParameterException",
            lambda a: (a.ecs.create_service, {k: v for k, v in _service(a).items() if k != "networkConfiguration"})),
    Refusal("CreateService", "deployment alarms that do not exist", "InvalidParameterException",
            lambda a: (a.ecs.create_service, _service(a, deploymentConfiguration={
                "alarms": {"alarmNames": ["none"], "enable": True, "rollback": True}}))),
    Refusal("CreateService", "BLUE_GREEN without a bake time", "InvalidParameterException",
            lambda a: (a.ecs.create_service, _service(a, deploymentConfiguration={"strategy": "BLUE_GREEN"})),
            source=f"{_DEPLOYMENT} (bakeTimeInMinutes)"),
    Refusal("CreateService", "a step of a linear deployment below 3 percent", "InvalidParameterException",
            lambda a: (a.ecs.create_service, _service(a, deploymentConfiguration={
                "strategy": "LINEAR", "linearConfiguration": {"stepPercent": 2.0}})),
            source=f"{_DEPLOYMENT} (linearConfiguration)"),
    Refusal("CreateService", "a lifecycle hook of an unknown type", "InvalidParameterException",
            lambda a: (a.ecs.create_service, _service(a, deploymentConfiguration={
                "strategy": "CANARY", "lifecycleHooks": [{"targetType": "SNS", "lifecycleStages": ["PRE_SCALE_UP"]}]})),
            "Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE", _TROUBLE),
    Refusal("ContinueServiceDeployment", "a deployment that does not exist", "ServiceDeploymentNotFoundException",
            lambda a: (a.ecs.continue_service_deployment, {
                "serviceDeploymentArn": f"arn:aws:ecs:{a.region}:{a.account}:service-deployment/none/none/0123456789",
                "hookId": "ecs-pause-x"})),
    Refusal("RegisterTaskDefinition", "a size that Fargate does not have", "ClientException",
            lambda a: (a.ecs.register_task_definition,
                       {"family": a.name("family"), "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
                        "cpu": "256", "memory": "8192", "containerDefinitions": [{"name": "a", "image": "b"}]})),
    Refusal("UpdateService", "a service that does not exist", "ServiceNotFoundException",
            lambda a: (a.ecs.update_service, {"cluster": _cluster(a), "service": "none", "desiredCount": 1})),
    Refusal("RunTask", "a subnet that does not exist", "InvalidParameterException",
            lambda a: (a.ecs.run_task, {"cluster": _cluster(a), "taskDefinition": _family(a), "launchType": "FARGATE",
                                        "networkConfiguration": {"awsvpcConfiguration": {
                                            "subnets": ["subnet-0123456789abcdef0"]}}})),
)  # fmt: skip

ECR = (
    Refusal("CreateRepository", "a name that exists", "RepositoryAlreadyExistsException",
            lambda a: (a.ecr.create_repository, {"repositoryName": _repository(a)})),
    Refusal("CreateRepository", "a name in capitals", "InvalidParameterException",
            lambda a: (a.ecr.create_repository, {"repositoryName": "Capitals"})),
    Refusal("DescribeImages", "a repository that does not exist", "RepositoryNotFoundException",
            lambda a: (a.ecr.describe_images, {"repositoryName": "none"})),
    Refusal("PutLifecyclePolicy", "a policy that cannot be read", "InvalidParameterException",
            lambda a: (a.ecr.put_lifecycle_policy,
                       {"repositoryName": _repository(a), "lifecyclePolicyText": '{"rules":[]}' + " " * 100})),
    Refusal("GetLifecyclePolicy", "a repository without one", "LifecyclePolicyNotFoundException",
            lambda a: (a.ecr.get_lifecycle_policy, {"repositoryName": _repository(a)})),
)  # fmt: skip

CODEPIPELINE = (
    Refusal("CreatePipeline", "one stage", "InvalidStructureException",
            lambda a: (a.codepipeline.create_pipeline,
                       _pipeline(a, stages=_pipeline(a)["pipeline"]["stages"][:1]))),
    Refusal("GetPipeline", "a pipeline that does not exist", "PipelineNotFoundException",
            lambda a: (a.codepipeline.get_pipeline, {"name": "none"})),
    Refusal("StartPipelineExecution", "a pipeline that does not exist", "PipelineNotFoundException",
            lambda a: (a.codepipeline.start_pipeline_execution, {"name": "none"})),
)  # fmt: skip

CODEBUILD = (
    Refusal("StartBuild", "a project that does not exist", "ResourceNotFoundException",
            lambda a: (a.codebuild.start_build, {"projectName": "none"})),
    Refusal("UpdateProject", "a project that does not exist", "ResourceNotFoundException",
            lambda a: (a.codebuild.update_project, {"name": "none"})),
)  # fmt: skip

CONNECTIONS = (
    Refusal("GetConnection", "a connection that does not exist", "ResourceNotFoundException",
            lambda a: (a.codestar_connections.get_connection, {
                "ConnectionArn": f"arn:aws:codestar-connections:{a.region}:{a.account}:connection/"
                                 "11111111-2222-3333-4444-555555555555"})),
)  # fmt: skip

AUTOSCALING = (
    Refusal("RegisterScalableTarget", "a minimum above the maximum", "ValidationException",
            lambda a: (a.application_autoscaling.register_scalable_target,
                       {"ServiceNamespace": "ecs", "ResourceId": f"service/{_cluster(a)}/s",
                        "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 3, "MaxCapacity": 2})),
    Refusal("DeregisterScalableTarget", "a target that is not registered", "ObjectNotFoundException",
            lambda a: (a.application_autoscaling.deregister_scalable_target,
                       {"ServiceNamespace": "ecs", "ResourceId": "service/none/s",
                        "ScalableDimension": "ecs:service:DesiredCount"})),
)  # fmt: skip

SERVICES = (
    Service("iam", "IAM", f"{_DOCS}/IAM/latest/APIReference/API_Operations.html", IAM),
    Service("sts", "STS", f"{_DOCS}/STS/latest/APIReference/API_Operations.html", STS),
    Service("sns", "SNS", f"{_DOCS}/sns/latest/api/API_Operations.html", SNS),
    Service("sqs", "SQS", f"{_DOCS}/AWSSimpleQueueService/latest/APIReference/API_Operations.html", SQS),
    Service("events", "EventBridge", f"{_DOCS}/eventbridge/latest/APIReference/API_Operations.html", EVENTS),
    Service("cloudwatch", "CloudWatch", f"{_DOCS}/AmazonCloudWatch/latest/APIReference/API_Operations.html", CLOUDWATCH),
    Service("elbv2", "Load balancers", f"{_DOCS}/elasticloadbalancing/latest/APIReference/API_Operations.html", ELBV2),
    Service("ecs", "ECS", f"{_DOCS}/AmazonECS/latest/APIReference/API_Operations.html", ECS),
    Service("ecr", "ECR", f"{_DOCS}/AmazonECR/latest/APIReference/API_Operations.html", ECR),
    Service("codepipeline", "CodePipeline", f"{_DOCS}/codepipeline/latest/APIReference/API_Operations.html", CODEPIPELINE),
    Service("codebuild", "CodeBuild", f"{_DOCS}/codebuild/latest/APIReference/API_Operations.html", CODEBUILD),
    Service("codestar-connections", "Connections",
            f"{_DOCS}/codestar-connections/latest/APIReference/API_Operations.html", CONNECTIONS),
    Service("application-autoscaling", "Application Auto Scaling",
            f"{_DOCS}/autoscaling/application/APIReference/API_Operations.html", AUTOSCALING),
)  # fmt: skip
ROWS = tuple(row for service in SERVICES for row in service.rows)
