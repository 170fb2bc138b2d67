"""Policy documents on their way into an account: what AWS would not keep is refused, in the words of the service that takes it."""

# ruff: noqa: E501 (tables read better in wide rows)
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pushproof.emulator.world import World

ACCOUNT = "123456789012"
THERE, GONE = f"arn:aws:iam::{ACCOUNT}:role/there", f"arn:aws:iam::{ACCOUNT}:role/gone"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:t"


def document(*statements: dict[str, Any], **top: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **top})


def granting(principal: Any, action: str, resource: str | None = "*") -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return document(statement | ({"Resource": resource} if resource else {}))


def trusting(principal: Any) -> str:
    return granting(principal, "sts:AssumeRole", None)


ECS = trusting({"Service": "ecs-tasks.amazonaws.com"})


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual() as made:
        made.administrator("iam").create_role(RoleName="there", AssumeRolePolicyDocument=ECS)
        yield made


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_roles_trust_only_principals_that_exist(world: World) -> None:
    """CreateRole and UpdateAssumeRolePolicy refuse a principal that is not there, and leave no trace.

    https://github.com/opstrace/opstrace/issues/88 has the sentence.
    """
    iam = world.administrator("iam")
    expected = ("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{GONE}"')
    assert refusal(iam.create_role, RoleName="r", AssumeRolePolicyDocument=trusting({"AWS": GONE})) == expected
    assert refusal(iam.get_role, RoleName="r")[0] == "NoSuchEntity"
    assert refusal(iam.update_assume_role_policy, RoleName="there", PolicyDocument=trusting({"AWS": GONE})) == expected
    assert "ecs-tasks" in json.dumps(iam.get_role(RoleName="there")["Role"]["AssumeRolePolicyDocument"])
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting({"AWS": [THERE, "210987654321"]}))


def test_a_path_is_part_of_a_principal(world: World) -> None:
    """A role under a path is not there under its name alone."""
    iam = world.administrator("iam")
    iam.create_role(RoleName="deep", Path="/a/b/", AssumeRolePolicyDocument=ECS)
    shallow = f"arn:aws:iam::{ACCOUNT}:role/deep"
    assert refusal(iam.create_role, RoleName="r", AssumeRolePolicyDocument=trusting({"AWS": shallow}))[1].endswith(
        f'"AWS":"{shallow}"'
    )
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:role/a/b/deep"}))


def test_a_policy_that_cannot_be_read_is_never_kept(world: World) -> None:
    """A statement id with a blank is refused there and then; the role is none the worse for it."""
    iam = world.administrator("iam")
    bad = document({"Sid": "a b", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
    words = (
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
    )
    for call, arguments in (
        (iam.put_role_policy, {"RoleName": "there", "PolicyName": "p"}),
        (iam.create_policy, {"PolicyName": "p"}),
    ):
        assert refusal(call, PolicyDocument=bad, **arguments) == ("MalformedPolicyDocument", words)
    assert iam.list_role_policies(RoleName="there")["PolicyNames"] == []
    iam.delete_role(RoleName="there")


def test_what_the_substrate_holds_does_not_stop_the_administrator(world: World) -> None:
    """An unreadable policy that bypassed the gateway does not stop the administrator from repairing the role that has it."""
    bad = document({"Sid": "a b", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
    world.substrate.client("iam", world.region).put_role_policy(RoleName="there", PolicyName="p", PolicyDocument=bad)
    iam = world.administrator("iam")
    assert iam.get_role(RoleName="there")["Role"]["RoleName"] == "there"
    iam.delete_role_policy(RoleName="there", PolicyName="p")
    iam.delete_role(RoleName="there")


@pytest.mark.parametrize(
    ("policy", "code", "message"),
    [
        # https://github.com/localstack/localstack: TestS3BucketPolicy::test_bucket_policy_exc
        ("", "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'"),
        ("nonsense", "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'"),
        ("{}", "MalformedPolicy", "Missing required field Statement"),
        (granting({"AWS": GONE}, "s3:GetObject", "arn:aws:s3:::photos/*"), "MalformedPolicy", "Invalid principal in policy"),
        (granting("*", "s3:GetObject", "arn:aws:s3:::other/*"), "MalformedPolicy", "Policy has invalid resource"),
        (granting("*", "s3:GetThing", "arn:aws:s3:::photos/*"), "MalformedPolicy", "Policy has invalid action"),
        (granting("*", "s3:ListBucket", "arn:aws:s3:::photos/*"), "MalformedPolicy", "Action does not apply to any resource(s) in statement"),
    ],
)  # fmt: skip
def test_what_s3_says(world: World, policy: str, code: str, message: str) -> None:
    """PutBucketPolicy answers MalformedPolicy, and the bucket stays without a policy."""
    s3 = world.administrator("s3")
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert refusal(s3.put_bucket_policy, Bucket="photos", Policy=policy) == (code, message)
    assert refusal(s3.get_bucket_policy, Bucket="photos")[0] == "NoSuchBucketPolicy"


def test_a_public_policy_is_refused_where_that_is_blocked(world: World) -> None:
    """BlockPublicPolicy is AccessDenied, in S3's words."""
    s3 = world.administrator("s3")
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_public_access_block(Bucket="photos", PublicAccessBlockConfiguration={"BlockPublicPolicy": True})
    code, message = refusal(
        s3.put_bucket_policy, Bucket="photos", Policy=granting("*", "s3:GetObject", "arn:aws:s3:::photos/*")
    )
    assert code == "AccessDenied"
    assert message.endswith("because public policies are blocked by the BlockPublicPolicy block public access setting.")
    s3.put_bucket_policy(Bucket="photos", Policy=granting({"AWS": THERE}, "s3:GetObject", "arn:aws:s3:::photos/*"))


def test_what_topics_say(world: World) -> None:
    """SNS: PrincipalNotFound, an action out of scope, and null for the rest.

    https://github.com/hashicorp/terraform-provider-aws/issues/26041
    """
    sns = world.administrator("sns")
    sns.create_topic(Name="t")
    before = sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"]
    for policy, words in (
        (granting({"AWS": GONE}, "sns:Publish", TOPIC), "Policy Error: PrincipalNotFound"),
        (granting({"AWS": "sns.amazonaws.com"}, "sns:Publish", TOPIC), "Policy Error: PrincipalNotFound"),
        (granting("*", "sns:*", TOPIC), "Policy statement action out of service scope!"),
        ("{", "Policy Error: null"),
        (document({"Effect": "Allow", "Action": "sns:Publish", "Resource": TOPIC}), "Policy Error: null"),
    ):
        answer = refusal(sns.set_topic_attributes, TopicArn=TOPIC, AttributeName="Policy", AttributeValue=policy)
        assert answer == ("InvalidParameter", f"Invalid parameter: {words}")
    assert sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"] == before
    assert (
        refusal(sns.create_topic, Name="u", Attributes={"Policy": granting({"AWS": GONE}, "sns:Publish")})[0]
        == "InvalidParameter"
    )
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="DisplayName", AttributeValue="{")


def test_what_queues_say(world: World) -> None:
    """SQS says one thing of every flaw; an empty policy takes the policy away.

    https://github.com/aws/aws-cdk/issues/15602
    """
    sqs = world.administrator("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    for policy in (
        "{",
        granting({"AWS": GONE}, "sqs:SendMessage"),
        granting("*", "sns:Publish"),
        granting("*", "sqs:*", None),
    ):
        answer = refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": policy})
        assert answer == ("InvalidAttributeValue", "Invalid value for the parameter Policy.")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": granting({"AWS": THERE}, "sqs:*")})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})


def test_what_kms_says(world: World) -> None:
    """KMS: principals that exist, and a policy under which the caller can still change it.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#prevent-unmanageable-key
    """
    kms = world.administrator("kms")
    code = "MalformedPolicyDocumentException"
    nobody = "Policy contains a statement with one or more invalid principals."
    locked = "The new key policy will not allow you to update the key policy in the future."
    assert refusal(kms.create_key, Policy=granting({"AWS": GONE}, "kms:*")) == (code, nobody)
    assert refusal(kms.create_key, Policy=granting({"Service": "log.amazonaws.com"}, "kms:*")) == (code, nobody)
    assert refusal(kms.create_key, Policy=granting({"AWS": THERE}, "kms:*")) == (code, locked)
    assert refusal(kms.create_key, Policy=granting({"AWS": ROOT}, "kms:Decrypt")) == (code, locked)
    assert kms.list_keys()["Keys"] == []
    key = kms.create_key(Policy=granting({"AWS": ROOT}, "kms:*"))["KeyMetadata"]["KeyId"]
    alone = granting({"AWS": THERE}, "kms:*")
    assert refusal(kms.put_key_policy, KeyId=key, PolicyName="default", Policy=alone) == (code, locked)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=alone, BypassPolicyLockoutSafetyCheck=True)


def test_whoever_may_not_change_the_key_by_its_own_policies_is_locked_out_too(world: World) -> None:
    """A key policy that trusts the account leaves it to IAM: a caller without kms:PutKeyPolicy cannot make the key."""
    iam = world.administrator("iam")
    iam.create_user(UserName="ann")
    keys = iam.create_access_key(UserName="ann")["AccessKey"]
    iam.put_user_policy(
        UserName="ann", PolicyName="p",
        PolicyDocument=document({"Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*"}),
    )  # fmt: skip
    from pushproof.emulator.kernel.context import Credentials

    kms = world.client("kms", credentials=Credentials(keys["AccessKeyId"], keys["SecretAccessKey"]))
    policy = granting({"AWS": ROOT}, "kms:*")
    assert refusal(kms.create_key, Policy=policy)[1].startswith("The new key policy will not allow you")
    iam.put_user_policy(
        UserName="ann", PolicyName="p",
        PolicyDocument=document({"Effect": "Allow", "Action": ["kms:CreateKey", "kms:PutKeyPolicy"], "Resource": "*"}),
    )  # fmt: skip
    kms.create_key(Policy=policy)


def test_what_secrets_manager_says(world: World) -> None:
    """Secrets Manager: unsupported principals, syntax errors, and broad access where that is blocked.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_resource-policies.html
    """
    secrets = world.administrator("secretsmanager")
    secrets.create_secret(Name="s", SecretString="x")
    code = "MalformedPolicyDocumentException"

    def put(policy: str, **more: Any) -> tuple[str, str]:
        return refusal(secrets.put_resource_policy, SecretId="s", ResourcePolicy=policy, **more)

    assert put(granting({"AWS": GONE}, "secretsmanager:*")) == (
        code,
        "This resource policy contains an unsupported principal.",
    )
    assert put(granting({"Service": "invalidservice.amazonaws.com"}, "secretsmanager:*")) == (
        code,
        "This resource policy contains an unsupported service principal.",
    )
    assert put("{") == (code, "This resource policy contains a syntax error.")
    public = granting("*", "secretsmanager:GetSecretValue")
    assert put(public, BlockPublicPolicy=True)[0] == "PublicPolicyException"
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId="s")


def test_what_ecr_says(world: World) -> None:
    """ECR: no Resource in a repository's policy, and principals that exist.

    https://github.com/aws/aws-cdk/issues/24314, https://github.com/hashicorp/terraform-provider-aws/issues/39064
    """
    ecr = world.administrator("ecr")
    ecr.create_repository(repositoryName="app")
    words = "Invalid parameter at 'PolicyText' failed to satisfy constraint: '{}'"
    for policy, what in (
        (granting("*", "ecr:BatchGetImage"), "Invalid repository policy provided"),
        (granting({"AWS": GONE}, "ecr:BatchGetImage", None), "Principal not found"),
    ):
        answer = refusal(ecr.set_repository_policy, repositoryName="app", policyText=policy)
        assert answer == ("InvalidParameterException", words.format(what))
    ecr.set_repository_policy(
        repositoryName="app",
        policyText=granting({"Service": "codebuild.amazonaws.com"}, "ecr:BatchGetImage", None),
    )


def test_what_logs_say(world: World) -> None:
    """CloudWatch Logs takes services and account numbers, and ten policies.

    https://github.com/hashicorp/terraform-provider-aws/issues/32260; the ten: LocalStack's validated
    test_put_resource_policy_limit_exceeded.
    """
    logs = world.administrator("logs")

    def put(policy: str, name: str = "p") -> tuple[str, str]:
        return refusal(logs.put_resource_policy, policyName=name, policyDocument=policy)

    assert put(granting({"AWS": "delivery.logs.amazonaws.com"}, "logs:PutLogEvents")) == (
        "InvalidParameterException",
        "Could not convert to persistable policy.",
    )
    arn = "Principal section of policy contains ARN instead of account ID"
    assert put(granting({"AWS": ROOT}, "logs:PutLogEvents")) == ("InvalidParameterException", arn)
    good = granting({"Service": "delivery.logs.amazonaws.com"}, "logs:PutLogEvents")
    for number in range(10):
        logs.put_resource_policy(policyName=f"p{number}", policyDocument=good)
    assert put(good, "one more") == ("LimitExceededException", "Resource limit exceeded.")
    logs.put_resource_policy(policyName="p0", policyDocument=good)


def test_what_endpoints_and_sessions_say(world: World) -> None:
    """An endpoint's policy that cannot be read is InvalidPolicyDocument; a session's follows the rules of IAM."""
    ec2 = world.administrator("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    code, message = refusal(
        ec2.create_vpc_endpoint, VpcId=vpc, ServiceName="com.amazonaws.eu-west-1.s3", PolicyDocument='{"Statement": ['
    )
    assert (code, message[:48]) == ("InvalidPolicyDocument", "The Policy Document is not valid. Syntax error a")
    iam, sts = world.administrator("iam"), world.administrator("sts")
    iam.create_role(RoleName="taken", AssumeRolePolicyDocument=trusting({"AWS": ACCOUNT}))
    arn = f"arn:aws:iam::{ACCOUNT}:role/taken"
    incomplete = document({"Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs"})
    answer = refusal(sts.assume_role, RoleArn=arn, RoleSessionName="ci", Policy=incomplete)
    assert answer == ("MalformedPolicyDocument", 'Resource arn:aws:sqs must be in ARN format or "*".')


def test_a_role_made_anew_is_another_principal(world: World) -> None:
    """Documents show a deleted role's unique id, and a new role of its name is not admitted.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    iam, s3, ecr = world.administrator("iam"), world.administrator("s3"), world.administrator("ecr")
    sqs, kms, secrets = world.administrator("sqs"), world.administrator("kms"), world.administrator("secretsmanager")
    sns = world.administrator("sns")
    unique = iam.get_role(RoleName="there")["Role"]["RoleId"]
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=trusting({"AWS": THERE}))
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_policy(
        Bucket="photos", Policy=granting({"AWS": [THERE, ROOT]}, "s3:GetObject", "arn:aws:s3:::photos/*")
    )
    sns.create_topic(Name="t")
    sns.set_topic_attributes(
        TopicArn=TOPIC, AttributeName="Policy", AttributeValue=granting({"AWS": THERE}, "sns:Publish", TOPIC)
    )
    url = sqs.create_queue(QueueName="q", Attributes={"Policy": granting({"AWS": THERE}, "sqs:*")})["QueueUrl"]
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=granting({"AWS": [ROOT, THERE]}, "kms:*"))
    secrets.create_secret(Name="s", SecretString="x")
    secrets.put_resource_policy(SecretId="s", ResourcePolicy=granting({"AWS": THERE}, "secretsmanager:*"))
    ecr.create_repository(repositoryName="app")
    ecr.set_repository_policy(repositoryName="app", policyText=granting({"AWS": THERE}, "ecr:*", None))
    iam.delete_role(RoleName="there")
    for kept in (
        json.dumps(iam.get_role(RoleName="other")["Role"]["AssumeRolePolicyDocument"]),
        s3.get_bucket_policy(Bucket="photos")["Policy"],
        sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"],
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"],
        kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"],
        secrets.get_resource_policy(SecretId="s")["ResourcePolicy"],
        ecr.get_repository_policy(repositoryName="app")["policyText"],
    ):
        assert unique in kept
        assert THERE not in kept
    iam.create_role(RoleName="there", AssumeRolePolicyDocument=trusting({"AWS": ACCOUNT}))
    session = world.administrator("sts").assume_role(RoleArn=THERE, RoleSessionName="ci")["Credentials"]
    from pushproof.emulator.kernel.context import Credentials

    anew = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    other = f"arn:aws:iam::{ACCOUNT}:role/other"
    assert refusal(world.client("sts", credentials=anew).assume_role, RoleArn=other, RoleSessionName="ci")[0] == (
        "AccessDenied"
    )
    # What names a principal that went can be kept no more: AWS refuses the id as it refuses the name.
    answer = refusal(iam.update_assume_role_policy, RoleName="other", PolicyDocument=trusting({"AWS": unique}))
    assert answer == ("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{unique}"')


def test_the_administrator_has_one_name(world: World) -> None:
    """GetCallerIdentity, GetUser and refusals name the account's root user for any key that was not issued.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: a root user's id is the account's number.
    """
    identity = world.administrator("sts").get_caller_identity()
    assert (identity["Arn"], identity["UserId"], identity["Account"]) == (ROOT, ACCOUNT, ACCOUNT)
    assert world.administrator("iam").get_user()["User"]["Arn"] == ROOT
    ecs = world.administrator("ecs")
    ecs.register_task_definition(
        family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 64}]
    )  # fmt: skip
    assert ecs.describe_task_definition(taskDefinition="f")["taskDefinition"]["registeredBy"] == identity["Arn"]
    # A policy that names the caller lets the caller in.
    policy = granting({"AWS": identity["Arn"]}, "kms:*")
    assert world.administrator("kms").create_key(Policy=policy)["KeyMetadata"]["KeyId"]


def test_sessions_and_users_have_one_name_too(world: World) -> None:
    """GetCallerIdentity returns a session's and a user's ARN and id in the form of policies."""
    iam, sts = world.administrator("iam"), world.administrator("sts")
    iam.create_role(RoleName="taken", AssumeRolePolicyDocument=trusting({"AWS": ACCOUNT}))
    answer = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/taken", RoleSessionName="me")
    from pushproof.emulator.kernel.context import Credentials

    keys = answer["Credentials"]
    credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    identity = world.client("sts", credentials=credentials).get_caller_identity()
    unique = iam.get_role(RoleName="taken")["Role"]["RoleId"]
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/taken/me"
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"] == f"{unique}:me"
    user = iam.create_user(UserName="ann")["User"]
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    identity = world.client("sts", credentials=Credentials(key["AccessKeyId"], "x")).get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (user["Arn"], user["UserId"])
    assert user["UserId"].startswith("AIDA")
