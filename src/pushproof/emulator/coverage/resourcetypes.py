"""API operations that Terraform's AWS provider calls for its resource and data source types, and what becomes of them here.

The table names, for each type, the calls that create, read and delete a plain instance of it, from the provider's source
(https://github.com/hashicorp/terraform-provider-aws, `internal/service/<service>/`). Calls for optional blocks are left out, so
that a type is no promise for its every argument. A type that is not in the table is unknown: nothing is said of it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import StrEnum

from pushproof.aws.types import canonical_type
from pushproof.emulator.coverage.operations import State, operation
from pushproof.emulator.services import PLANE
from pushproof.emulator.substrate.moto_lacks import moto_has

# Services whose module in moto has another name.
_MODULES = {"lambda": "awslambda"}

# One line for each type: service, then the operations. `-`: no call at all.
_RESOURCES = """
aws_acm_certificate acm RequestCertificate DescribeCertificate DeleteCertificate
aws_api_gateway_authorizer apigateway CreateAuthorizer GetAuthorizer DeleteAuthorizer
aws_api_gateway_deployment apigateway CreateDeployment GetDeployment DeleteDeployment
aws_api_gateway_integration apigateway PutIntegration GetIntegration DeleteIntegration
aws_api_gateway_method apigateway PutMethod GetMethod DeleteMethod
aws_api_gateway_method_response apigateway PutMethodResponse GetMethodResponse DeleteMethodResponse
aws_api_gateway_resource apigateway CreateResource GetResource DeleteResource
aws_api_gateway_rest_api apigateway CreateRestApi GetRestApi DeleteRestApi
aws_api_gateway_stage apigateway CreateStage GetStage DeleteStage
aws_appautoscaling_policy application-autoscaling PutScalingPolicy DescribeScalingPolicies DeleteScalingPolicy
aws_appautoscaling_scheduled_action application-autoscaling PutScheduledAction DescribeScheduledActions DeleteScheduledAction
aws_appautoscaling_target application-autoscaling RegisterScalableTarget DescribeScalableTargets DeregisterScalableTarget
aws_budgets_budget budgets CreateBudget DescribeBudget DeleteBudget
aws_chatbot_slack_channel_configuration chatbot CreateSlackChannelConfiguration DescribeSlackChannelConfigurations
aws_cloudfront_distribution cloudfront CreateDistribution GetDistribution DeleteDistribution
aws_cloudwatch_dashboard cloudwatch PutDashboard GetDashboard DeleteDashboards
aws_cloudwatch_event_api_destination events CreateApiDestination DescribeApiDestination DeleteApiDestination
aws_cloudwatch_event_bus events CreateEventBus DescribeEventBus DeleteEventBus
aws_cloudwatch_event_connection events CreateConnection DescribeConnection DeleteConnection
aws_cloudwatch_event_rule events PutRule DescribeRule DeleteRule
aws_cloudwatch_event_target events PutTargets ListTargetsByRule RemoveTargets
aws_cloudwatch_log_group logs CreateLogGroup DescribeLogGroups DeleteLogGroup
aws_cloudwatch_log_metric_filter logs PutMetricFilter DescribeMetricFilters DeleteMetricFilter
aws_cloudwatch_log_stream logs CreateLogStream DescribeLogStreams DeleteLogStream
aws_cloudwatch_log_subscription_filter logs PutSubscriptionFilter DescribeSubscriptionFilters DeleteSubscriptionFilter
aws_cloudwatch_metric_alarm cloudwatch PutMetricAlarm DescribeAlarms DeleteAlarms
aws_codebuild_project codebuild CreateProject BatchGetProjects DeleteProject
aws_codebuild_source_credential codebuild ImportSourceCredentials ListSourceCredentials DeleteSourceCredentials
aws_codebuild_webhook codebuild CreateWebhook BatchGetProjects DeleteWebhook
aws_codecommit_repository codecommit CreateRepository GetRepository DeleteRepository
aws_codeconnections_connection codeconnections CreateConnection GetConnection DeleteConnection
aws_codedeploy_app codedeploy CreateApplication GetApplication DeleteApplication
aws_codedeploy_deployment_config codedeploy CreateDeploymentConfig GetDeploymentConfig DeleteDeploymentConfig
aws_codedeploy_deployment_group codedeploy CreateDeploymentGroup GetDeploymentGroup DeleteDeploymentGroup
aws_codepipeline codepipeline CreatePipeline GetPipeline DeletePipeline
aws_codepipeline_webhook codepipeline PutWebhook ListWebhooks DeleteWebhook
aws_codestarconnections_connection codestar-connections CreateConnection GetConnection DeleteConnection
aws_codestarconnections_host codestar-connections CreateHost GetHost DeleteHost
aws_codestarnotifications_notification_rule codestar-notifications CreateNotificationRule DeleteNotificationRule
aws_db_instance rds CreateDBInstance DescribeDBInstances DeleteDBInstance
aws_db_parameter_group rds CreateDBParameterGroup DescribeDBParameterGroups DeleteDBParameterGroup
aws_db_subnet_group rds CreateDBSubnetGroup DescribeDBSubnetGroups DeleteDBSubnetGroup
aws_default_security_group ec2 DescribeSecurityGroups RevokeSecurityGroupIngress RevokeSecurityGroupEgress
aws_default_route_table ec2 DescribeRouteTables
aws_default_subnet ec2 DescribeSubnets
aws_default_vpc ec2 DescribeVpcs
aws_default_network_acl ec2 DescribeNetworkAcls
aws_dynamodb_table dynamodb CreateTable DescribeTable DeleteTable
aws_ecr_lifecycle_policy ecr PutLifecyclePolicy GetLifecyclePolicy DeleteLifecyclePolicy
aws_ecr_pull_through_cache_rule ecr CreatePullThroughCacheRule DescribePullThroughCacheRules DeletePullThroughCacheRule
aws_ecr_registry_scanning_configuration ecr PutRegistryScanningConfiguration GetRegistryScanningConfiguration
aws_ecr_replication_configuration ecr PutReplicationConfiguration DescribeRegistry
aws_ecr_repository ecr CreateRepository DescribeRepositories DeleteRepository
aws_ecr_repository_policy ecr SetRepositoryPolicy GetRepositoryPolicy DeleteRepositoryPolicy
aws_ecrpublic_repository ecr-public CreateRepository DescribeRepositories DeleteRepository
aws_ecs_account_setting_default ecs PutAccountSettingDefault ListAccountSettings
aws_ecs_capacity_provider ecs CreateCapacityProvider DescribeCapacityProviders DeleteCapacityProvider
aws_ecs_cluster ecs CreateCluster DescribeClusters DeleteCluster
aws_ecs_cluster_capacity_providers ecs PutClusterCapacityProviders DescribeClusters
aws_ecs_service ecs CreateService DescribeServices UpdateService DeleteService
aws_ecs_task_definition ecs RegisterTaskDefinition DescribeTaskDefinition DeregisterTaskDefinition
aws_ecs_task_set ecs CreateTaskSet DescribeTaskSets DeleteTaskSet
aws_eip ec2 AllocateAddress DescribeAddresses ReleaseAddress
aws_elasticache_cluster elasticache CreateCacheCluster DescribeCacheClusters DeleteCacheCluster
aws_elasticache_subnet_group elasticache CreateCacheSubnetGroup DescribeCacheSubnetGroups DeleteCacheSubnetGroup
aws_fis_experiment_template fis CreateExperimentTemplate GetExperimentTemplate DeleteExperimentTemplate
aws_flow_log ec2 CreateFlowLogs DescribeFlowLogs DeleteFlowLogs
aws_iam_access_key iam CreateAccessKey ListAccessKeys DeleteAccessKey
aws_iam_group iam CreateGroup GetGroup DeleteGroup
aws_iam_instance_profile iam CreateInstanceProfile GetInstanceProfile AddRoleToInstanceProfile DeleteInstanceProfile
aws_iam_openid_connect_provider iam CreateOpenIDConnectProvider GetOpenIDConnectProvider DeleteOpenIDConnectProvider
aws_iam_policy iam CreatePolicy GetPolicy GetPolicyVersion DeletePolicy
aws_iam_role iam CreateRole GetRole DeleteRole
aws_iam_role_policy iam PutRolePolicy GetRolePolicy DeleteRolePolicy
aws_iam_role_policy_attachment iam AttachRolePolicy ListAttachedRolePolicies DetachRolePolicy
aws_iam_service_linked_role iam CreateServiceLinkedRole GetRole DeleteServiceLinkedRole
aws_iam_user iam CreateUser GetUser DeleteUser
aws_iam_user_policy iam PutUserPolicy GetUserPolicy DeleteUserPolicy
aws_iam_user_policy_attachment iam AttachUserPolicy ListAttachedUserPolicies DetachUserPolicy
aws_internet_gateway ec2 CreateInternetGateway AttachInternetGateway DescribeInternetGateways DeleteInternetGateway
aws_kms_alias kms CreateAlias ListAliases DeleteAlias
aws_kms_key kms CreateKey DescribeKey GetKeyPolicy ScheduleKeyDeletion
aws_lambda_function lambda CreateFunction GetFunction DeleteFunction
aws_lambda_permission lambda AddPermission GetPolicy RemovePermission
aws_lb elbv2 CreateLoadBalancer DescribeLoadBalancers DeleteLoadBalancer
aws_lb_listener elbv2 CreateListener DescribeListeners DeleteListener
aws_lb_listener_certificate elbv2 AddListenerCertificates DescribeListenerCertificates RemoveListenerCertificates
aws_lb_listener_rule elbv2 CreateRule DescribeRules DeleteRule
aws_lb_target_group elbv2 CreateTargetGroup DescribeTargetGroups DeleteTargetGroup
aws_lb_target_group_attachment elbv2 RegisterTargets DescribeTargetHealth DeregisterTargets
aws_nat_gateway ec2 CreateNatGateway DescribeNatGateways DeleteNatGateway
aws_network_acl ec2 CreateNetworkAcl DescribeNetworkAcls DeleteNetworkAcl
aws_network_acl_rule ec2 CreateNetworkAclEntry DescribeNetworkAcls DeleteNetworkAclEntry
aws_rds_cluster rds CreateDBCluster DescribeDBClusters DeleteDBCluster
aws_route ec2 CreateRoute DescribeRouteTables DeleteRoute
aws_route53_record route53 ChangeResourceRecordSets ListResourceRecordSets
aws_route53_zone route53 CreateHostedZone GetHostedZone DeleteHostedZone
aws_route_table ec2 CreateRouteTable DescribeRouteTables DeleteRouteTable
aws_route_table_association ec2 AssociateRouteTable DescribeRouteTables DisassociateRouteTable
aws_s3_bucket s3 CreateBucket HeadBucket DeleteBucket
aws_s3_bucket_acl s3 PutBucketAcl GetBucketAcl
aws_s3_bucket_intelligent_tiering_configuration s3 PutBucketIntelligentTieringConfiguration GetBucketIntelligentTieringConfiguration
aws_s3_bucket_lifecycle_configuration s3 PutBucketLifecycleConfiguration GetBucketLifecycleConfiguration DeleteBucketLifecycle
aws_s3_bucket_logging s3 PutBucketLogging GetBucketLogging
aws_s3_bucket_metric s3 PutBucketMetricsConfiguration GetBucketMetricsConfiguration DeleteBucketMetricsConfiguration
aws_s3_bucket_notification s3 PutBucketNotificationConfiguration GetBucketNotificationConfiguration
aws_s3_bucket_ownership_controls s3 PutBucketOwnershipControls GetBucketOwnershipControls DeleteBucketOwnershipControls
aws_s3_bucket_policy s3 PutBucketPolicy GetBucketPolicy DeleteBucketPolicy
aws_s3_bucket_public_access_block s3 PutPublicAccessBlock GetPublicAccessBlock DeletePublicAccessBlock
aws_s3_bucket_server_side_encryption_configuration s3 PutBucketEncryption GetBucketEncryption DeleteBucketEncryption
aws_s3_bucket_versioning s3 PutBucketVersioning GetBucketVersioning
aws_s3_object s3 PutObject HeadObject DeleteObject
aws_secretsmanager_secret secretsmanager CreateSecret DescribeSecret GetResourcePolicy DeleteSecret
aws_secretsmanager_secret_policy secretsmanager PutResourcePolicy GetResourcePolicy DeleteResourcePolicy
aws_secretsmanager_secret_rotation secretsmanager RotateSecret DescribeSecret CancelRotateSecret
aws_secretsmanager_secret_version secretsmanager PutSecretValue GetSecretValue
aws_security_group ec2 CreateSecurityGroup DescribeSecurityGroups DeleteSecurityGroup
aws_security_group_rule ec2 AuthorizeSecurityGroupIngress DescribeSecurityGroups RevokeSecurityGroupIngress
aws_service_discovery_private_dns_namespace servicediscovery CreatePrivateDnsNamespace GetNamespace DeleteNamespace
aws_service_discovery_service servicediscovery CreateService GetService DeleteService
aws_sns_topic sns CreateTopic GetTopicAttributes DeleteTopic
aws_sns_topic_policy sns SetTopicAttributes GetTopicAttributes
aws_sns_topic_subscription sns Subscribe GetSubscriptionAttributes Unsubscribe
aws_sqs_queue sqs CreateQueue GetQueueAttributes DeleteQueue
aws_sqs_queue_policy sqs SetQueueAttributes GetQueueAttributes
aws_ssm_parameter ssm PutParameter GetParameter DescribeParameters DeleteParameter
aws_subnet ec2 CreateSubnet DescribeSubnets DeleteSubnet
aws_vpc ec2 CreateVpc DescribeVpcs DeleteVpc
aws_vpc_endpoint ec2 CreateVpcEndpoint DescribeVpcEndpoints DeleteVpcEndpoints
aws_vpc_security_group_egress_rule ec2 AuthorizeSecurityGroupEgress DescribeSecurityGroupRules RevokeSecurityGroupEgress
aws_vpc_security_group_ingress_rule ec2 AuthorizeSecurityGroupIngress DescribeSecurityGroupRules RevokeSecurityGroupIngress
aws_wafv2_web_acl wafv2 CreateWebACL GetWebACL DeleteWebACL
aws_wafv2_web_acl_association wafv2 AssociateWebACL GetWebACLForResource DisassociateWebACL
"""
_DATA_SOURCES = """
aws_acm_certificate acm ListCertificates DescribeCertificate
aws_availability_zones ec2 DescribeAvailabilityZones
aws_caller_identity sts GetCallerIdentity
aws_cloudwatch_log_group logs DescribeLogGroups
aws_codecommit_repository codecommit GetRepository
aws_codestarconnections_connection codestar-connections GetConnection
aws_ecr_authorization_token ecr GetAuthorizationToken
aws_ecr_image ecr DescribeImages
aws_ecr_repository ecr DescribeRepositories
aws_ecs_cluster ecs DescribeClusters
aws_ecs_service ecs DescribeServices
aws_ecs_task_definition ecs DescribeTaskDefinition
aws_iam_openid_connect_provider iam GetOpenIDConnectProvider
aws_iam_policy iam ListPolicies GetPolicy GetPolicyVersion
aws_iam_policy_document -
aws_iam_role iam GetRole
aws_iam_session_context iam GetRole
aws_internet_gateway ec2 DescribeInternetGateways
aws_kms_alias kms ListAliases DescribeKey
aws_kms_key kms DescribeKey
aws_lb elbv2 DescribeLoadBalancers
aws_lb_listener elbv2 DescribeListeners
aws_lb_target_group elbv2 DescribeTargetGroups
aws_partition -
aws_prefix_list ec2 DescribePrefixLists
aws_region -
aws_route53_zone route53 ListHostedZones GetHostedZone
aws_route_table ec2 DescribeRouteTables
aws_route_tables ec2 DescribeRouteTables
aws_s3_bucket s3 HeadBucket GetBucketLocation
aws_secretsmanager_secret secretsmanager DescribeSecret GetResourcePolicy
aws_secretsmanager_secret_version secretsmanager GetSecretValue
aws_security_group ec2 DescribeSecurityGroups
aws_service_principal -
aws_ssm_parameter ssm GetParameter
aws_subnet ec2 DescribeSubnets
aws_subnets ec2 DescribeSubnets
aws_vpc ec2 DescribeVpcs
aws_vpc_endpoint_service ec2 DescribeVpcEndpointServices
aws_vpcs ec2 DescribeVpcs
"""


class TypeState(StrEnum):
    """The fate of a resource or data source type."""

    EMULATED = "emulated"
    STORED = "stored only"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TypeCoverage:
    """The coverage of a type. `refused`: the operations that answer 501, as `service:Operation`; `calls`: all of them."""

    name: str
    state: TypeState
    refused: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


@functools.cache
def operations_of_types(*, data: bool = False) -> dict[str, tuple[str, ...]]:
    """Return the operations of every type of the table, as `service:Operation`."""
    table: dict[str, tuple[str, ...]] = {}
    for line in (_DATA_SOURCES if data else _RESOURCES).split("\n"):
        if line:
            name, service, *operations = line.split()
            table[name] = tuple(f"{service}:{each}" for each in operations)
    return table


@functools.cache
def coverage_of_type(name: str, *, data: bool = False) -> TypeCoverage:
    """Return the coverage of a resource type, or of a data source; unknown where the table does not have it."""
    calls = operations_of_types(data=data).get(canonical_type(name))
    if calls is None:
        return TypeCoverage(name, TypeState.UNKNOWN)
    states = {call: _state(*call.split(":")) for call in calls}
    refused = tuple(call for call, state in states.items() if state is State.REFUSED)
    if refused:
        return TypeCoverage(name, TypeState.REFUSED, refused, calls)
    # What creates a resource decides whether it has an effect; a data source only reads.
    acts = data or not calls or states[calls[0]] is State.EMULATED
    return TypeCoverage(name, TypeState.EMULATED if acts else TypeState.STORED, (), calls)


def _state(service: str, name: str) -> State:
    if service in PLANE:
        return operation(service, name).state
    return State.STORED if moto_has(_MODULES.get(service, service), name) else State.REFUSED
