"""Shapes of the answers that discovery reads, and the clients that it asks, as types-boto3 has them. For annotations alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, overload

if TYPE_CHECKING:
    from types_boto3_codebuild import CodeBuildClient
    from types_boto3_codedeploy import CodeDeployClient
    from types_boto3_codepipeline import CodePipelineClient
    from types_boto3_codepipeline import type_defs as codepipeline
    from types_boto3_ecs import ECSClient
    from types_boto3_ecs import type_defs as ecs
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client
    from types_boto3_elbv2 import type_defs as elbv2
    from types_boto3_iam import IAMClient

    Pipeline = codepipeline.PipelineDeclarationOutputTypeDef
    Execution = codepipeline.PipelineExecutionSummaryTypeDef
    ActionExecution = codepipeline.ActionExecutionDetailTypeDef
    ServiceDeployment = ecs.ServiceDeploymentBriefTypeDef
    Service = ecs.ServiceTypeDef
    TaskDefinition = ecs.TaskDefinitionTypeDef
    ContainerDefinition = ecs.ContainerDefinitionOutputTypeDef
    ServiceLoadBalancer = ecs.LoadBalancerTypeDef
    Listener = elbv2.ListenerTypeDef
    Rule = elbv2.RuleTypeDef
    RuleAction = elbv2.ActionOutputTypeDef
    RuleCondition = elbv2.RuleConditionOutputTypeDef
    LoadBalancer = elbv2.LoadBalancerTypeDef
    TargetGroup = elbv2.TargetGroupTypeDef


class Clients(Protocol):
    """Makes a boto3 client of a service."""

    @overload
    def __call__(self, service: Literal["codebuild"], /) -> CodeBuildClient: ...
    @overload
    def __call__(self, service: Literal["codedeploy"], /) -> CodeDeployClient: ...
    @overload
    def __call__(self, service: Literal["codepipeline"], /) -> CodePipelineClient: ...
    @overload
    def __call__(self, service: Literal["ecs"], /) -> ECSClient: ...
    @overload
    def __call__(self, service: Literal["iam"], /) -> IAMClient: ...
    @overload
    def __call__(self, service: Literal["elbv2"], /) -> ElasticLoadBalancingv2Client: ...
