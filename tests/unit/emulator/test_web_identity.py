"""AssumeRoleWithWebIdentity: tokens of GitHub's issuer, and the role's trust policy."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import requests
from botocore.client import Config
from botocore.exceptions import ClientError
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from pushproof.emulator.kernel.context import Credentials
from pushproof.emulator.world import World
from pushproof.engines.github import ISSUER, Job, Repository

HOST = "token.actions.githubusercontent.com"
MAIN = Job(Repository("octo", "shop"))
SUBJECT = "repo:octo/shop:ref:refs/heads/main"


@pytest.fixture
def world() -> Iterator[World]:
    with World.virtual() as world:
        yield world


def provider(world: World, *client_ids: str) -> str:
    return str(
        world.administrator("iam").create_open_id_connect_provider(
            Url=ISSUER, ClientIDList=list(client_ids or ("sts.amazonaws.com",))
        )["OpenIDConnectProviderArn"]
    )


def role(world: World, condition: dict[str, Any], **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": f"arn:aws:iam::{world.account_id}:oidc-provider/{HOST}"},
        "Condition": condition,
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = world.administrator("iam").create_role(RoleName="deploy", AssumeRolePolicyDocument=trust, **more)
    return str(made["Role"]["Arn"])


def exact(subject: str = SUBJECT) -> dict[str, Any]:
    return {"StringEquals": {f"{HOST}:aud": "sts.amazonaws.com", f"{HOST}:sub": subject}}


def assume(world: World, role_arn: str, token: str, **more: Any) -> dict[str, Any]:
    sts = world.administrator("sts")
    answer = sts.assume_role_with_web_identity(
        RoleArn=role_arn, RoleSessionName="GitHubActions", WebIdentityToken=token, **more
    )
    return dict(answer)


def refused(world: World, role_arn: str, token: str, **more: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as error:
        assume(world, role_arn, token, **more)
    answer = error.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def token(world: World, job: Job = MAIN, audience: str = "sts.amazonaws.com") -> str:
    return world.tokens.issue(job, audience)


NOT_AUTHORIZED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)


def test_a_trusted_workflow_gets_the_roles_session(world: World) -> None:
    """The answer names subject, provider and audience; the session is the role's, and says so of its provider."""
    provider(world)
    arn = role(world, exact())
    answer = assume(world, arn, token(world))
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT
    assert answer["Provider"] == f"arn:aws:iam::{world.account_id}:oidc-provider/{HOST}"
    assert answer["Audience"] == "sts.amazonaws.com"
    session = f"arn:aws:sts::{world.account_id}:assumed-role/deploy/GitHubActions"
    assert answer["AssumedRoleUser"]["Arn"] == session
    keys = answer["Credentials"]
    as_role = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert world.client("sts", credentials=as_role).get_caller_identity()["Arn"] == session
    # The session has the role's permissions, and a condition on its provider holds.
    grant = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    grant["Condition"] = {"StringLike": {"aws:FederatedProvider": f"*oidc-provider/{HOST}"}}  # type: ignore[assignment]
    with pytest.raises(ClientError, match="AccessDenied"):
        world.client("s3", credentials=as_role).list_buckets()
    document = json.dumps({"Version": "2012-10-17", "Statement": [grant]})
    world.administrator("iam").put_role_policy(RoleName="deploy", PolicyName="list", PolicyDocument=document)
    world.client("s3", credentials=as_role).list_buckets()


def test_each_refusal_has_the_words_of_sts(world: World) -> None:
    """Provider, key, expiry, audience and trust policy are refused in this order, each in STS's words."""
    arn = f"arn:aws:iam::{world.account_id}:role/deploy"
    assert refused(world, arn, token(world)) == (
        "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {ISSUER}", 400,
    )  # fmt: skip
    provider(world)
    assert refused(world, arn, token(world)) == NOT_AUTHORIZED
    role(world, exact())
    stranger = RSAKey.generate_key(2048, private=True)
    foreign = jwt.encode({"alg": "RS256", "kid": "x"}, {"iss": ISSUER, "sub": "x", "aud": "y", "exp": 1}, stranger)
    assert refused(world, arn, foreign)[1].startswith(
        "Couldn't retrieve verification key from your identity provider,  please"
    )
    head, body, _ = token(world).split(".")
    forged = ".".join((head, body, foreign.rsplit(".", 1)[1]))
    assert refused(world, arn, forged)[:1] == ("InvalidIdentityToken",)
    late = token(world, audience="other")
    world.loop.advance(301)
    code, message, status = refused(world, arn, late)
    assert (code, status) == ("ExpiredTokenException", 400)
    assert message.startswith("Token expired: current date/time ")
    assert refused(world, arn, token(world, audience="")) == ("InvalidIdentityToken", "Incorrect token audience", 400)
    assert refused(world, arn, "not-a-token")[:2] == (
        "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
    )  # fmt: skip


OTHERS = {
    "other branch": Job(Repository("octo", "shop"), ref="refs/heads/feature"),
    "tag": Job(Repository("octo", "shop"), ref="refs/tags/main"),
    "other repository": Job(Repository("octo", "shop2")),
    "fork": Job(Repository("mallory", "shop")),
    "pull request": Job(Repository("octo", "shop"), event="pull_request", ref="refs/pull/1/merge"),
    "environment": Job(Repository("octo", "shop"), environment="prod"),
    "immutable": Job(Repository("octo", "shop", "5", "6", immutable=True)),
}


@pytest.mark.parametrize("name", list(OTHERS))
def test_other_workflows_are_refused_alike(world: World, name: str) -> None:
    """STS says the same, whatever in a token does not fit the trust policy: Not authorized."""
    provider(world)
    assert refused(world, role(world, exact()), token(world, OTHERS[name])) == NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("condition", "lets_in"),
    [
        ({"StringEquals": {f"{HOST}:sub": "repo:octo/shop:*"}}, False),
        ({"StringLike": {f"{HOST}:sub": "repo:octo/shop:*"}}, True),
        ({"StringLike": {f"{HOST}:sub": "repo:octo/*:ref:refs/heads/main"}}, True),
        ({"StringLike": {f"{HOST}:sub": "repo:Octo/shop:*"}}, False),
        ({"StringEquals": {f"{HOST}:sub": SUBJECT, f"{HOST}:repository_id": "1", f"{HOST}:ref": "refs/heads/main"}}, True),
        ({"StringEquals": {f"{HOST}:sub": SUBJECT, f"{HOST}:environment": "prod"}}, False),
        ({"StringEquals": {f"{HOST}:sub": SUBJECT, f"{HOST}:repository_owner": "octo"}}, False),
        ({"StringEquals": {f"{HOST}:sub": SUBJECT}, "ForAllValues:StringEquals": {f"{HOST}:environment": "prod"}}, True),
        ({"StringEquals": {f"{HOST}:sub": SUBJECT, "sts:RoleSessionName": "GitHubActions"}}, True),
        ({"StringEquals": {f"{HOST}:sub": SUBJECT, "sts:RoleSessionName": "other"}}, False),
        ({"StringEquals": {f"{HOST}:sub": SUBJECT}, "NumericLessThan": {"sts:DurationSeconds": "1000"}}, False),
    ],
)  # fmt: skip
def test_conditions_decide_as_iam_documents(world: World, condition: dict[str, Any], lets_in: bool) -> None:
    """StringEquals is literal, StringLike knows stars, case counts, a missing key fails all but ForAllValues."""
    provider(world)
    arn = role(world, condition)
    if lets_in:
        assume(world, arn, token(world))
    else:
        assert refused(world, arn, token(world)) == NOT_AUTHORIZED


def test_sessions_last_as_long_as_the_role_allows(world: World) -> None:
    """DurationSeconds is limited by the model, and by the role's MaxSessionDuration."""
    provider(world)
    arn = role(world, exact(), MaxSessionDuration=7200)
    keys = assume(world, arn, token(world), DurationSeconds=7200)["Credentials"]
    assert keys["Expiration"].timestamp() > 0
    assert refused(world, arn, token(world), DurationSeconds=7201) == (
        "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", 400,
    )  # fmt: skip


@pytest.fixture
def served() -> Iterator[World]:
    with World() as world:
        world.serve()
        yield world


def ask(url: str, headers: dict[str, str] | None = None, data: bytes | None = None) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request("GET" if data is None else "POST", url, headers=headers, data=data, timeout=30)


def get(url: str, headers: dict[str, str] | None = None, data: bytes | None = None) -> dict[str, Any]:
    answer = ask(url, headers, data)
    assert answer.ok, answer.text
    read: dict[str, Any] = answer.json()
    return read


def login(world: World) -> dict[str, str]:
    pair = f"{world.keys.administrator.access_key_id}:{world.keys.administrator.secret_access_key}"
    return {"Authorization": "Basic " + b64encode(pair.encode()).decode()}


def test_a_job_requests_its_token_as_on_github(served: World) -> None:
    """By the job's own URL and bearer, over HTTP; the public keys verify it, and an unsigned call exchanges it."""
    provider(served)
    arn = role(served, exact())
    body = json.dumps({"repository": "octo/shop"}).encode()
    environment = get(f"{served.endpoint}/_pushproof/github/jobs", login(served), body)
    url = f"{environment['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=sts.amazonaws.com"
    value = get(url, {"Authorization": f"bearer {environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"})["value"]
    configuration = get(f"{served.endpoint}/_github/oidc/.well-known/openid-configuration")
    assert configuration["issuer"] == ISSUER
    keys = get(configuration["jwks_uri"])
    assert not {"d", "p", "q"} & set(keys["keys"][0])
    claims = jwt.decode(value, KeySet.import_key_set(keys), algorithms=["RS256"]).claims  # type: ignore[arg-type]
    assert claims["sub"] == SUBJECT
    sts = boto3.client(
        "sts", endpoint_url=served.endpoint, region_name=served.region, aws_access_key_id="x", aws_secret_access_key="x",
        config=Config(signature_version=None),
    )  # fmt: skip
    answer = sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="GitHubActions", WebIdentityToken=value)
    sts.close()
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT


@pytest.mark.parametrize(
    ("path", "headers", "data", "status"),
    [
        ("/_pushproof/github/jobs", {}, b'{"repository": "o/r"}', 401),
        ("/_github/oidc/token?audience=x", {}, None, 401),
        ("/_github/oidc/token?audience=x", {"Authorization": "bearer guess"}, None, 401),
        ("/_github/oidc/nothing", {}, None, 404),
        ("/_github/oidc/token", {}, b"{}", 405),
    ],
)
def test_nobody_else_gets_a_token(
    served: World, path: str, headers: dict[str, str], data: bytes | None, status: int
) -> None:
    """Jobs are registered with the administrator's keys only, and tokens given to registered jobs only."""
    assert ask(served.endpoint + path, headers, data).status_code == status


def test_a_job_that_cannot_be_is_refused_by_name(served: World) -> None:
    """A description with an unknown field is answered with what a job has."""
    answer = ask(f"{served.endpoint}/_pushproof/github/jobs", login(served), b'{"repository": "o/r", "color": "red"}')
    assert answer.status_code == 400
    assert "a job has no color" in answer.text


def test_a_job_that_has_ended_gets_no_token(world: World) -> None:
    """A request token is good for nothing once its job has ended."""
    environment = world.tokens.register(MAIN)
    held = environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
    world.tokens.forget(held)
    assert held not in world.tokens._jobs
