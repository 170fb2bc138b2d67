"""Calls that CodeDeploy makes with the service role of a deployment group. They run off the world's lock.

https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForECS.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pushproof.aws.arns import arn_of
from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.functions import HookInvoker
from pushproof.engines.codedeploy import AppSpec, InvalidAppSpec, InvokeHook, Problem, read_appspec

from .checks import PRINCIPAL
from .model import Options, Record
from .refused import Refused, elb_refused
from .routes import Routes

if TYPE_CHECKING:
    from types_boto3_codedeploy.type_defs import RevisionLocationTypeDef
    from types_boto3_ecs.client import ECSClient
    from types_boto3_ecs.type_defs import CreateTaskSetRequestTypeDef, ServiceTypeDef, TaskSetTypeDef

    from pushproof.emulator.kernel.site import Site

log = logging.getLogger(__name__)

_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
# The names of services in CodeDeploy's text about missing permissions; that of Lambda is documented.
_SERVICES = {"ecs": "AmazonECS", "elbv2": "ElasticLoadBalancing", "s3": "AmazonS3", "cloudwatch": "AmazonCloudWatch"}


@dataclass(frozen=True, slots=True)
class Inspection:
    """The service before a deployment: its primary task set and others, both target groups, and the AppSpec file."""

    primary: str
    others: tuple[str, ...]
    blue: str
    green: str
    appspec: AppSpec | None
    task_sets: list[TaskSetTypeDef]


class RoleCalls:
    """The calls of one deployment."""

    def __init__(self, site: Site, functions: HookInvoker, record: Record) -> None:
        self._site = site
        self._functions = functions
        self._record = record
        self._options: Options = record.options
        self._session: Credentials | None = None

    # ECS ------------------------------------------------------------------------------------------------------------

    def inspect(self) -> Inspection:
        """Look at the service, its target groups and listeners, and read the revision. Raises Refused."""
        service = self._service()
        task_sets = service.get("taskSets", [])
        primary = next((item for item in task_sets if item.get("status") == "PRIMARY"), None)
        if primary is None:
            raise Refused(
                Problem("INVALID_ECS_SERVICE", f"The ECS service {service['serviceName']} has no primary task set.")
            )
        routes = self._routes()
        pair = routes.arns(self._options.groups)
        used = [balancer.get("targetGroupArn", "") for balancer in primary.get("loadBalancers", [])]
        blue = next((arn for arn in pair if arn in used), "")
        if not blue:
            raise Refused(
                Problem(
                    "ELASTIC_LOAD_BALANCING_INVALID",
                    "The ELB could not be updated due to the following error: the target group of the primary task set is "
                    f"none of the deployment group's: {', '.join(self._options.groups)}",
                )
            )
        routes.check(self._options.production, blue)
        if self._options.test:
            routes.check_any(self._options.test, pair)
        rolls_back = bool(self._record.state.rolls_back)
        return Inspection(
            primary=primary["id"],
            others=tuple(item["id"] for item in task_sets if item is not primary and item.get("status") != "DRAINING"),
            blue=blue,
            green=next(arn for arn in pair if arn != blue),
            appspec=None if rolls_back else self.read_revision(),
            task_sets=task_sets,
        )

    def create_task_set(self) -> str:
        """Create the replacement like the original, with what the AppSpec file says. Raises Refused."""
        record, spec = self._record, self._record.appspec
        assert spec is not None
        service = self._service()
        original = next(item for item in service.get("taskSets", []) if item["id"] == record.state.original)
        request: CreateTaskSetRequestTypeDef = {
            "cluster": self._cluster,
            "service": self._name,
            "taskDefinition": spec.task_definition,
            "externalId": record.id,
            "clientToken": record.id,
            "scale": {"value": 100.0, "unit": "PERCENT"},
            "loadBalancers": [
                {
                    "targetGroupArn": record.green,
                    "containerName": spec.container_name,
                    "containerPort": spec.container_port,
                }
            ],
        }
        if original.get("serviceRegistries"):
            request["serviceRegistries"] = original["serviceRegistries"]
        version = spec.platform_version or original.get("platformVersion", "")
        if version:
            request["platformVersion"] = version
        if spec.network is not None:
            request["networkConfiguration"] = {
                "awsvpcConfiguration": {
                    "subnets": list(spec.network.subnets),
                    "securityGroups": list(spec.network.security_groups),
                    "assignPublicIp": spec.network.assign_public_ip,
                }
            }
        elif original.get("networkConfiguration"):
            request["networkConfiguration"] = original["networkConfiguration"]
        if spec.providers:
            request["capacityProviderStrategy"] = [
                {"capacityProvider": item.name, "base": item.base, "weight": item.weight} for item in spec.providers
            ]
        elif original.get("capacityProviderStrategy"):
            request["capacityProviderStrategy"] = original["capacityProviderStrategy"]
        else:
            request["launchType"] = original.get("launchType", "FARGATE")
        with self._ecs_errors():
            return self._ecs().create_task_set(**request)["taskSet"]["id"]

    def look(self) -> list[TaskSetTypeDef]:
        """Return the service's task sets. Raises Refused."""
        return self._service().get("taskSets", [])

    def make_primary(self, task_set: str) -> None:
        """Make a task set the primary one. Raises Refused."""
        with self._ecs_errors():
            self._ecs().update_service_primary_task_set(
                cluster=self._cluster, service=self._name, primaryTaskSet=task_set
            )

    def delete_task_set(self, task_set: str) -> None:
        """Delete a task set with its tasks; one that is gone or going is no failure. Raises Refused."""
        if all(item["id"] != task_set or item.get("status") == "DRAINING" for item in self.look()):
            return
        with self._ecs_errors():
            self._ecs().delete_task_set(cluster=self._cluster, service=self._name, taskSet=task_set, force=True)

    # Traffic --------------------------------------------------------------------------------------------------------

    def shift(self, *, test: bool, weight: int) -> None:
        """Give the replacement's target group a percentage of a listener's traffic. Raises Refused."""
        record = self._record
        listener = self._options.test if test else self._options.production
        whole = test or record.state.plan.routing.type == "AllAtOnce"
        self._routes().shift(listener, record.blue, record.green, weight, whole=whole)

    # Functions and alarms -------------------------------------------------------------------------------------------

    def invoke(self, order: InvokeHook) -> None:
        """Invoke a hook's function, which answers by PutLifecycleEventHookExecutionStatus. Raises Refused."""
        record, name = self._record, order.function
        arn = name
        if not name.startswith("arn:"):
            arn = arn_of("lambda", f"function:{name}", region=record.region, account=self._site.account_id)
        try:
            principal = self._site.permissions.principal(self.session().access_key_id)
            self._site.permissions.require(principal, "lambda:InvokeFunction", arn, region=record.region)
        except AwsError as error:
            raise Refused(self._without_permission("AWSLambda")) from error
        event = {"DeploymentId": record.id, "LifecycleEventHookExecutionId": order.execution}
        try:
            self._functions.invoke(arn, event)
        except AwsError as error:
            raise Refused(Problem("INVALID_LAMBDA_FUNCTION", error.message)) from error
        except Exception:
            # What a function raises is its own failure: without its report, the deployment times out.
            log.warning("the function %s of a lifecycle event raised an exception", arn, exc_info=True)

    def active_alarms(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of those alarms that are in ALARM. Raises Refused."""
        client = self._site.client("cloudwatch", region=self._record.region, credentials=self.session())
        try:
            answer = client.describe_alarms(AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        except ClientError as error:
            raise Refused(self._without_permission(_SERVICES["cloudwatch"])) from error
        alarms = [*answer["MetricAlarms"], *answer["CompositeAlarms"]]
        return tuple(alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM")

    # The revision ---------------------------------------------------------------------------------------------------

    def read_revision(self) -> AppSpec:
        """Return the AppSpec file of the deployment. Raises Refused."""
        try:
            return read_appspec(self._content(self._record.revision))
        except InvalidAppSpec as error:
            raise Refused(Problem("INVALID_REVISION", str(error))) from error

    def _content(self, revision: RevisionLocationTypeDef) -> str:
        text = revision.get("appSpecContent", revision.get("string", {})).get("content")
        if text is not None:
            return text
        location = revision.get("s3Location", {})
        if location.get("bundleType") not in ("YAML", "JSON"):
            raise InvalidAppSpec("BundleType must be either YAML or JSON")
        s3 = self._site.client("s3", region=self._record.region, credentials=self.session())
        bucket, key, version = location.get("bucket", ""), location.get("key", ""), location.get("version")
        try:
            answer = (
                s3.get_object(Bucket=bucket, Key=key, VersionId=version)
                if version
                else s3.get_object(Bucket=bucket, Key=key)
            )
            return answer["Body"].read().decode("utf-8")
        except ClientError as error:
            if error.response["Error"]["Code"] in _DENIED:
                raise Refused(self._without_permission(_SERVICES["s3"])) from error
            raise Refused(Problem("REVISION_MISSING", error.response["Error"]["Message"])) from error
        except UnicodeDecodeError:
            raise InvalidAppSpec(f"The AppSpec file s3://{bucket}/{key} is not UTF-8") from None

    # Inside ---------------------------------------------------------------------------------------------------------

    @property
    def _cluster(self) -> str:
        return self._options.service.get("clusterName", "default")

    @property
    def _name(self) -> str:
        return self._options.service.get("serviceName", "")

    def session(self) -> Credentials:
        """Return a session of the group's role. Raises Refused."""
        if self._session is None:
            try:
                self._session = self._site.assume(self._options.role_arn, PRINCIPAL, self._record.id)
            except AwsError as error:
                raise Refused(
                    Problem("IAM_ROLE_MISSING", f"The IAM role {self._options.role_arn} cannot be assumed.")
                ) from error
        return self._session

    def _ecs(self) -> ECSClient:
        return self._site.client("ecs", region=self._record.region, credentials=self.session())

    def _routes(self) -> Routes:
        client = self._site.client("elbv2", region=self._record.region, credentials=self.session())
        return Routes(client, self._elb_problem)

    def _service(self) -> ServiceTypeDef:
        with self._ecs_errors():
            answer = self._ecs().describe_services(cluster=self._cluster, services=[self._name])
        active = [service for service in answer["services"] if service.get("status") == "ACTIVE"]
        if not active:
            raise Refused(
                Problem(
                    "INVALID_ECS_SERVICE", f"The ECS service {self._name} of the cluster {self._cluster} is not active."
                )
            )
        return active[0]

    @contextmanager
    def _ecs_errors(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            details, metadata = error.response["Error"], error.response["ResponseMetadata"]
            if details["Code"] in _DENIED and "iam:PassRole" not in details["Message"]:
                raise Refused(self._without_permission(_SERVICES["ecs"])) from error
            raise Refused(
                Problem(
                    "ECS_UPDATE_ERROR",
                    f"The ECS service cannot be updated due to an unexpected error: {details['Message']} (Service: AmazonECS; "
                    f"Status Code: {metadata['HTTPStatusCode']}; Error Code: {details['Code']}; "
                    f"Request ID: {metadata.get('RequestId', '')}; Proxy: null). Check your ECS service status.",
                )
            ) from error

    def _elb_problem(self, error: ClientError) -> Refused:
        details = error.response["Error"]
        if details["Code"] in _DENIED:
            return Refused(self._without_permission(_SERVICES["elbv2"]))
        return elb_refused(details["Message"])

    def _without_permission(self, service: str) -> Problem:
        return Problem(
            "IAM_ROLE_PERMISSIONS",
            f"The IAM role {self._options.role_arn} does not give you permission to perform operations in the following AWS "
            f"service: {service}.",
        )
