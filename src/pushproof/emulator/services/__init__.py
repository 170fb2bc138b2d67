"""The delivery plane's services: one module (or package) each, plain objects whose methods receive and return dicts.

A service owns its botocore service name. With `overlay = True` it answers only its own operations, and the substrate the rest.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError, as_answered

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

Handler = Callable[[RequestContext, dict[str, Any]], dict[str, Any] | None]

# botocore service name -> "module:Class"
PLANE: dict[str, str] = {
    "ec2": "pushproof.emulator.services.ec2:Ec2Service",
    "ecs": "pushproof.emulator.services.ecs:EcsApi",
    "application-autoscaling": "pushproof.emulator.services.autoscaling:AutoScalingService",
    "ecr": "pushproof.emulator.services.ecr:EcrService",
    "codestar-connections": "pushproof.emulator.services.connections:ConnectionsService",
    "codeconnections": "pushproof.emulator.services.connections:ConnectionsService",
    "elbv2": "pushproof.emulator.services.elbv2:LoadBalancingService",
    "codebuild": "pushproof.emulator.services.codebuild:CodeBuildService",
    "codecommit": "pushproof.emulator.services.codecommit:CodeCommitService",
    "codedeploy": "pushproof.emulator.services.codedeploy:CodeDeployService",
    "codepipeline": "pushproof.emulator.services.codepipeline:CodePipelineService",
    "events": "pushproof.emulator.services.events:EventsService",
    "scheduler": "pushproof.emulator.services.scheduler:SchedulerService",
    "sns": "pushproof.emulator.services.sns:SnsService",
    "logs": "pushproof.emulator.services.logs:LogsService",
    "s3": "pushproof.emulator.services.s3:S3Service",
    "iam": "pushproof.emulator.services.iam:IamService",
    "sts": "pushproof.emulator.services.sts:StsService",
    "acm": "pushproof.emulator.services.modelled:ModelledService",
    "cloudwatch": "pushproof.emulator.services.cloudwatch:CloudWatchService",
    "lambda": "pushproof.emulator.services.awslambda:LambdaService",
    "fis": "pushproof.emulator.services.fis:FisService",
    "dynamodb": "pushproof.emulator.services.modelled:ModelledService",
    "kms": "pushproof.emulator.services.modelled:ModelledService",
    "secretsmanager": "pushproof.emulator.services.modelled:ModelledService",
    "servicediscovery": "pushproof.emulator.services.cloudmap:CloudMapService",
    "ssm": "pushproof.emulator.services.modelled:ModelledService",
}


class Service:
    """Base of services. Subclasses define one method per AWS operation, in snake_case:

    `def create_cluster(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]`

    with botocore's member names in request and response. They raise `AwsError`.
    """

    overlay: ClassVar[bool] = False
    # : The code of a call that breaks a limit of the service's model; None for AWS's usual code.
    constraint_code: ClassVar[str | None] = None
    # : Whether the service words the refusal of a wrong value itself: its methods check more than the model.
    own_words: ClassVar[bool] = False
    # : Operations that are answered 501 although the substrate has one of that name.
    refused: ClassVar[frozenset[str]] = frozenset()
    # : Operations whose methods wait for work: they run without the world's lock.
    blocking: ClassVar[frozenset[str]] = frozenset()
    # : Operations with a method that only keeps or shows values without any effect.
    kept: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, site: Site, name: str) -> None:
        self.site = site
        self.name = name

    def handler(self, operation: str) -> Handler | None:
        """Return the method that answers an operation; None if there is none, or if the substrate answers this time."""
        method: Handler | None = getattr(self, xform_name(operation), None)
        return method

    @classmethod
    def answers(cls, operation: str) -> bool:
        """Return whether the service has a method for an operation, in a world with moto as its substrate."""
        return callable(getattr(cls, xform_name(operation), None))

    @classmethod
    def checked(cls, _service: str) -> Collection[str]:
        """Return the methods of operations whose requests are checked before the substrate answers them."""
        return ()

    def check_form(self, context: RequestContext, request: dict[str, Any]) -> None:
        """Raise AwsError for values that the service refuses in its own words. Called before the method of an operation."""

    def admit(self, context: RequestContext, request: dict[str, Any]) -> None:
        """Raise AwsError for a request that AWS refuses and the substrate would store. Called first, in overlays only.

        The request is parsed, and not validated against the model yet.
        """

    def ask(self, context: RequestContext, operation: str, request: Mapping[str, object]) -> Any:
        """Return the substrate's answer to an operation of this service, in that operation's shape.

        Raises its errors as AwsError.
        """
        return self.ask_in(context.region, operation, request)

    def ask_in(self, region: str, operation: str, request: Mapping[str, object]) -> Any:
        """Return the substrate's answer in a region, as `ask` does."""
        client = self.site.substrate.client(self.name, region)
        try:
            answer: dict[str, object] = getattr(client, xform_name(operation))(**request)
        except ClientError as error:
            raise as_answered(error) from error
        except ParamValidationError as error:
            # The caller's own value, which boto3 does not send.
            raise AwsError("ValidationException", str(error).partition("\n")[2]) from error
        answer.pop("ResponseMetadata", None)
        return answer

    def close(self) -> None:
        """Stop everything that the service keeps running. Called once, when the world closes."""


def service_class(name: str) -> type[Service]:
    """Return the class of a service of the plane."""
    module, _, attribute = PLANE[name].partition(":")
    service: type[Service] = getattr(importlib.import_module(module), attribute)
    return service
