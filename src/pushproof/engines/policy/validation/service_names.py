"""The services that can be a principal: `ecs-tasks.amazonaws.com` and the like.

AWS publishes no list. This one holds the names that occur in AWS's managed policies (`iam:PassedToService`,
`iam:AWSServiceName`, service-linked roles), in botocore's documentation, in recorded trust policies, and the service prefixes of
https://docs.aws.amazon.com/service-authorization/latest/reference/. A service that AWS adds later is missing here.
"""

from __future__ import annotations

import re

from pushproof.engines.policy.actions.model import words

_NAMES = words(
    """
    a2c a4b access-analyzer account account-access acm acm-pca aco-automation action-recommendations activate
    agent-registry agentaccess-mcp aidevops aiops airflow airflow-env airflow-serverless alarms amplify
    amplifybackend amplifyuibuilder aoss apigateway app-integrations appconfig appfabric appflow
    application-autoscaling application-insights application-signals application-signals-mcp
    application-status-checks application-transformation applicationinsights appmesh appmesh-envoy-management
    appmesh-preview apprunner appstream appstudio appsync apptest aps arc-region-switch arc-zonal-shift arsenal
    artifact assurance athena auditmanager autoscaling autoscaling-plans aws-artifact-account-sync
    aws-external-anthropic aws-marketplace-management awsconnector b2bi backup backup-gateway backup-search
    backup-storage batch bcm bcm-dashboards bcm-data-exports bcm-pricing-calculator bcm-recommended-actions
    bedrock bedrock-agentcore bedrock-mantle bedrock-websearch billing billingconductor billingconsole braket
    budgets bugbust capacitymanager cases cassandra cassandra-streams ce chatbot chime cleanrooms cleanrooms-ml
    cloud9 cloudcontrolapi clouddirectory cloudformation cloudfront cloudfront-keyvaluestore cloudhsm cloudsearch
    cloudshell cloudtrail cloudtrail-data cloudwatch codeartifact codebuild codecatalyst codecatalyst-runner
    codecommit codeconnections codedeploy codedeploy-commands-secure codeguru codeguru-profiler codeguru-reviewer
    codeguru-security codegurureviewer codepipeline codestar codestar-connections codestar-notifications
    codewhisperer cognito-identity cognito-identity-us-gov cognito-idp cognito-sync comprehend comprehendmedical
    compute-optimizer config config-conforms config-multiaccountsetup connect connect-campaigns consoleapp
    consolidatedbilling continuum controlcatalog controltower cost-optimization-hub cur customer-verification
    databrew dataexchange datapipeline datasync datazone dax dbqms deadline delivery detective devicefarm
    devops-guru directconnect directoryservice discovery dlm dms dms-fleet-advisor dnssec-route53 docdb
    docdb-elastic drs ds ds-data dsql dynamodb ebs ec2 ec2-images ec2-instance-connect ec2fastlaunch ec2fleet
    ec2messages ec2scheduled ec2sqlha ecr ecr-public ecs ecs-compute ecs-mcp ecs-tasks edgelambda eks eks-auth
    eks-connector eks-fargate eks-mcp eks-nodegroup elastic-inference elasticache elasticbeanstalk
    elasticfilesystem elasticloadbalancing elasticmapreduce elastictranscoder elemental-activations
    elemental-appliances-software elemental-inference elemental-support-cases elemental-support-content
    emr-containers emr-serverless emrwal end-user-messaging entityresolution es events eventsbilltoaws evidently
    evs execute-api finops-agent finspace finspace-api firehose fis fms forecast frauddetector freertos freetier
    fsx gamelift gameliftstreams geo geo-maps geo-places geo-routes glacier globalaccelerator glue grafana
    greengrass groundstation groundtruthlabeling guardduty health health-agent healthlake honeycode iam
    identity-sync identitystore identitystore-auth imagebuilder importexport inspector inspector-scan inspector2
    inspector2-telemetry integrations interconnect internetmonitor invoicing iot iot-device-tester iotanalytics
    iotdeviceadvisor iotevents iotfleethub iotfleetwise iotjobsdata iotmanagedintegrations iotsitewise
    iotthingsgraph iottwinmaker iotwireless iq iq-permission ivs ivschat kafka kafka-cluster kafkaconnect kendra
    kendra-ranking keyspaces kinesis kinesisanalytics kinesisvideo kms lakeformation lambda launchwizard lex lexv2
    license-manager license-manager-linux-subscriptions license-manager-user-subscriptions lightsail logdelivery
    logs lookoutequipment lookoutmetrics lookoutvision m2 machinelearning macie macie2 managedblockchain
    managedblockchain-query managedservices mapcredits marketplace marketplacecommerceanalytics mechanicalturk
    mediaconnect mediaconvert mediaimport medialive mediapackage mediapackage-vod mediapackagev2 mediastore
    mediatailor medical-imaging member member-account memorydb mgh mgn migrationhub migrationhub-orchestrator
    migrationhub-strategy mobile-hub mobileanalytics mobiletargeting monitoring monitron mpa mq mturk-requester
    mwaa neptune neptune-db neptune-graph network-firewall network-security-director network-security-manager
    networkflowmonitor networkmanager networkmanager-chat networkmonitor nimble notebooks notifications
    notifications-contacts nova-act oam objectlambda observabilityadmin odb omics one opensearch opensearchservice
    opsworks opsworks-cm organizations osis outposts panorama partnercentral partnercentral-account-management
    partnercentral-selling payment-cryptography payments pca-connector-ad pca-connector-scep pcs personalize pi
    pinpoint pipes polly practice-run pricing pricingplanmanager private-networks profile prometheus proton
    purchase-orders purchaseorders q qapps qbusiness qdeveloper qldb quicksight ram rbin rds rds-data rds-db
    rds-preview redshift redshift-data redshift-serverless refactor-spaces rekognition replication replicationtime
    replicator reportservice repostspace researchstudio resilience-hub resiliencehub resource-explorer
    resource-explorer-2 resource-groups rhelkb robomaker rolesanywhere route53 route53-recovery-cluster
    route53-recovery-control-config route53-recovery-readiness route53domains route53globalresolver
    route53profiles route53resolver rtbfabric rum s3 s3-object-lambda s3-outposts s3express s3tables s3vectors
    sagemaker sagemaker-data-science-assistant sagemaker-geospatial sagemaker-mlflow sagemaker-unified-studio-mcp
    savingsplans scheduler schemas scn sdb secretsmanager security-ir securityagent securityhub securityhubv2
    securitylake serverlessrepo servicecatalog servicecatalog-appregistry servicediscovery serviceextract
    servicequotas ses shield siem signer signin simspaceweaver sms sms-voice snow-device-management snowball sns
    social-messaging spot spotfleet sqlworkbench sqs ssm ssm-contacts ssm-guiconnect ssm-incidents ssm-quicksetup
    ssm-sap ssmmessages sso sso-directory sso-oauth startups states storage-lens storagegateway streams sts
    sumerian support support-console supportapp supportauthz supportplans sustainability swf synthetics tag
    tagpolicies tax textract thinclient timestream timestream-influxdb tiros tnb transcribe transfer transform
    transform-custom transitgateway translate trustedadvisor ts user-subscriptions uxc vendor-insights
    verified-access verifiedpermissions vmie voiceid vpc-flow-logs vpc-lattice vpc-lattice-svcs vpce waf
    waf-regional wafv2 wam wellarchitected wickr wisdom workdocs worklink workmail workmailmessageflow workspaces
    workspaces-instances workspaces-web xray zonal-autoshift
    """
)
_REGION = re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx|cn)(-gov|-iso[a-z]?)?-[a-z]+-\d")
_ELSEWHERE = (".amazon.com", ".aws.internal", ".amazonaws.com.cn")


def is_service(principal: str) -> bool:
    """Return whether AWS has a service principal of that name.

    A part of a service (`ecs.application-autoscaling.amazonaws.com`) and a service of one region
    (`logs.eu-west-1.amazonaws.com`) count when the service does.
    """
    if principal.endswith(_ELSEWHERE):
        return True
    name, _, rest = principal.rpartition(".amazonaws.com")
    if rest or not name:
        return False
    labels = [label for label in name.split(".") if not _REGION.fullmatch(label)]
    return bool(labels) and all(labels) and labels[-1] in _NAMES
