"""Sentences of harm for switches, by the setting's name and the wrong value."""

from __future__ import annotations

import re

from pushproof.engines.mutation.operators.pages import aws

_TABLE: tuple[tuple[str, str, str, str], ...] = (
    (r"rollback", "false", "A bad deployment stops half way and stays there instead of going back.",
     aws("ecs/deployment-circuit-breaker")),
    (r"^enable$", "false", "Nothing ends a deployment whose tasks keep failing.",
     aws("ecs/deployment-circuit-breaker")),
    (r"assign_public_ip", "true", "Tasks get public addresses and leave the path through the NAT gateway.",
     aws("ecs/fargate-task-networking")),
    (r"assign_public_ip", "false", "Tasks in a public subnet without a public address cannot pull their image.",
     aws("ecs/fargate-task-networking")),
    (r"map_public_ip_on_launch", "",
     "Addresses of what starts in the subnet are public where they should not be, or the reverse.",
     aws("vpc/vpc-ip-addressing")),
    (r"private_dns_enabled", "false", "The service's public name does not lead to the endpoint, so calls pass it by.",
     aws("privatelink/manage-dns-names")),
    (r"enable_dns_(hostnames|support)", "false", "Private names of interface endpoints resolve no longer.",
     aws("vpc/vpc-dns")),
    (r"scan_on_push", "", "Images with known vulnerabilities are pushed and nobody is told.",
     aws("ecr/image-scanning")),
    (r"force_(delete|destroy)", "true", "Removing the resource deletes everything in it, releases included.",
     aws("ecr/repository-delete")),
    (r"force_(delete|destroy)", "false", "The environment cannot be taken down, since its contents hold it.",
     aws("ecr/repository-delete")),
    (r"deletion_protection", "false", "One apply, or one click, deletes it.",
     aws("alb/edit-load-balancer-attributes")),
    (r"drop_invalid_header_fields", "false",
     "Requests with malformed headers reach the application: request smuggling.",
     aws("alb/edit-load-balancer-attributes")),
    (r"^internal$", "true",
     "The load balancer has private addresses only, and clients on the internet cannot reach it.",
     aws("alb/application-load-balancers")),
    (r"^internal$", "false", "The load balancer of an internal service is open to the internet.",
     aws("alb/application-load-balancers")),
    (r"block_public|ignore_public|restrict_public", "false", "One careless ACL or policy makes the bucket public.",
     aws("s3/access-control-block-public-access")),
    (r"privileged_mode", "false", "The build has no Docker daemon: `docker build` cannot connect.",
     aws("codebuild/sample-docker")),
    (r"eventbridge", "false", "The bucket announces nothing, so uploads start no pipeline.",
     aws("s3/EventBridge")),
    (r"essential", "false", "A task whose application has ended keeps running and counts as healthy.",
     aws("ecs-api/API_ContainerDefinition")),
    (r"readonlyRootFilesystem", "false", "Whoever gets into the container can change its programs.",
     aws("ecs-api/API_ContainerDefinition")),
    (r"require_approval", "false", "Every commit goes to production without anybody's consent.",
     aws("codepipeline/approvals")),
    (r"wait_for_steady_state", "true", "Terraform waits for tasks that cannot run before the first image is pushed.",
     aws("ecs/service-definition-parameters")),
    (r"single_nat_gateway", "true", "One zone's failure ends the egress of all, and traffic between zones costs money.",
     aws("vpc/vpc-nat-gateway")),
    (r"encrypt", "false", "Data lies unencrypted.",
     aws("security/protecting-data-at-rest")),
    (r"publicly_accessible", "true", "The data store has a public address.",
     aws("rds/USER_VPC.WorkingWithRDSInstanceinaVPC")),
    (r"multi_az", "false", "One zone's failure takes the data store down.",
     aws("rds/Concepts.MultiAZSingleStandby")),
    (r"enable_key_rotation", "false", "The key is never rotated.",
     aws("kms/rotate-keys")),
)  # fmt: skip


def harm_of(name: str, value: str) -> tuple[str, str]:
    """Return harm and page of a switch with the wrong value; two empty texts where the table has none."""
    for pattern, wrong, harm, page in _TABLE:
        if wrong in ("", value) and re.search(pattern, name):
            return harm, page
    return "", ""
