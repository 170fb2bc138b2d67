"""Pipelines whose source is CodeCommit, or GitHub by version 1 of its action.

Sources: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html ,
.../appendix-github-oauth.html , https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.emulator.codepipeline.stack import ACCOUNT, Stack, open_stack, trust

PLACE = "codecommit.eu-west-1/web"
ARN = f"arn:aws:codecommit:eu-west-1:{ACCOUNT}:web"


@pytest.fixture
def stack() -> Iterator[Stack]:
    opened = open_stack()
    yield opened
    opened.world.close()


def create(stack: Stack, provider: str, **configuration: str) -> None:
    """Create the pipeline with another source action, and let its first execution end."""
    declaration = stack.declaration()
    source = declaration["stages"][0]["actions"][0]
    owner = "ThirdParty" if provider == "GitHub" else "AWS"
    source["actionTypeId"] = {"category": "Source", "owner": owner, "provider": provider, "version": "1"}
    source["configuration"] = configuration
    stack.pipelines.create_pipeline(pipeline=declaration)
    stack.advance()


def github(stack: Stack, **more: str) -> None:
    create(stack, "GitHub", Owner="acme", Repo="web", Branch="main", OAuthToken="secret", **more)


def allow(stack: Stack, *actions: str) -> None:
    stack.world.administrator("iam").put_role_policy(
        RoleName="pipeline",
        PolicyName="codecommit",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": ARN}]}
        ),
    )


def codecommit(stack: Stack, **more: str) -> Any:
    client = stack.world.administrator("codecommit")
    client.create_repository(repositoryName="web")
    allow(stack, "codecommit:Get*", "codecommit:UploadArchive")
    create(stack, "CodeCommit", RepositoryName="web", BranchName="main", **more)
    return client


def test_a_push_to_github_is_polled(stack: Stack) -> None:
    """A pipeline without a webhook polls, and the execution has the pushed commit."""
    github(stack)
    commit = stack.push()
    assert "started execution" in stack.git.said[-1]
    stack.advance(60)
    newest = stack.newest()
    assert newest["trigger"]["triggerType"] == "PollForSourceChanges"
    (revision,) = newest["sourceRevisions"]
    assert revision["revisionId"] == commit
    assert revision["revisionUrl"] == f"https://github.com/acme/web/commit/{commit}"
    assert stack.actions()["Source"]["output"]["outputVariables"]["RepositoryName"] == "web"
    assert stack.ecs.revisions[-1]["containerDefinitions"][0]["image"] == "repo:dev-1"


def test_the_token_is_never_shown(stack: Stack) -> None:
    """GetPipeline masks it, as the action reference says."""
    github(stack)
    shown = stack.pipelines.get_pipeline(name="web")["pipeline"]
    assert shown["stages"][0]["actions"][0]["configuration"]["OAuthToken"] == "****"


def test_another_repository_or_branch_starts_nothing(stack: Stack) -> None:
    """Only the branch that the action names is watched."""
    github(stack)
    before = len(stack.executions())
    stack.push(branch="other")
    stack.push(repository="acme/other")
    assert len(stack.executions()) == before


def test_polling_can_be_turned_off(stack: Stack) -> None:
    """PollForSourceChanges = false leaves the start to somebody else."""
    github(stack, PollForSourceChanges="false")
    before = len(stack.executions())
    stack.push()
    assert len(stack.executions()) == before


def test_an_empty_github_repository_fails_at_source(stack: Stack) -> None:
    """The first execution, before any push, says that the repository cannot be read."""
    github(stack)
    code, message = stack.failure("Source")
    assert code == "ConfigurationError"
    assert message.startswith("Could not access the GitHub repository: [acme/web]")


def test_a_push_to_codecommit_is_polled(stack: Stack) -> None:
    """CodeCommit is polled by default, and fetched with the pipeline's role."""
    codecommit(stack)
    commit = stack.push(repository=PLACE)
    stack.advance(60)
    (revision,) = stack.newest()["sourceRevisions"]
    assert revision["revisionId"] == commit
    assert stack.ecs.revisions[-1]["containerDefinitions"][0]["image"] == "repo:dev-1"


def test_a_push_to_codecommit_is_an_event(stack: Stack) -> None:
    """A rule on "CodeCommit Repository State Change" starts the pipeline that polls nothing."""
    codecommit(stack, PollForSourceChanges="false")
    world = stack.world
    iam, events = world.administrator("iam"), world.administrator("events")
    iam.create_role(RoleName="trigger", AssumeRolePolicyDocument=trust("events.amazonaws.com"))
    statement = {"Effect": "Allow", "Action": "codepipeline:StartPipelineExecution", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="trigger", PolicyName="start", PolicyDocument=document)
    pattern = {
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "resources": [ARN],
        "detail": {
            "event": ["referenceCreated", "referenceUpdated"],
            "referenceType": ["branch"],
            "referenceName": ["main"],
        },
    }
    events.put_rule(Name="pushed", EventPattern=json.dumps(pattern))
    events.put_targets(
        Rule="pushed",
        Targets=[
            {
                "Id": "pipeline",
                "Arn": f"arn:aws:codepipeline:eu-west-1:{ACCOUNT}:web",
                "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/trigger",
            }
        ],
    )
    before = len(stack.executions())
    commit = stack.push(repository=PLACE)
    assert stack.git.said == ["CodeCommit has main of web, and EventBridge has the event."]
    stack.advance(60)
    assert len(stack.executions()) == before + 1
    newest = stack.newest()
    assert newest["trigger"]["triggerType"] == "CloudWatchEvent"
    assert newest["sourceRevisions"][0]["revisionId"] == commit


def test_codecommit_needs_the_roles_permissions(stack: Stack) -> None:
    """A role that may not upload archives cannot fetch: the action reference lists the permissions."""
    codecommit(stack)
    allow(stack, "codecommit:Get*")
    stack.push(repository=PLACE)
    stack.advance(60)
    code, message = stack.failure("Source")
    assert code == "PermissionError"
    assert "doesn't have the permissions required to access the AWS CodeCommit repository named web" in message


def test_a_repository_of_codecommit(stack: Stack) -> None:
    """It is shown with its clone URL, has its branch's commit after a push, and is gone after its deletion."""
    client = codecommit(stack)
    metadata = client.get_repository(repositoryName="web")["repositoryMetadata"]
    assert metadata["Arn"] == ARN
    assert metadata["cloneUrlHttp"] == "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/web"
    commit = stack.push(repository=PLACE)
    assert client.get_branch(repositoryName="web", branchName="main")["branch"]["commitId"] == commit
    client.tag_resource(resourceArn=ARN, tags={"team": "web"})
    assert client.list_tags_for_resource(resourceArn=ARN)["tags"] == {"team": "web"}
    with pytest.raises(ClientError, match="Repository named web already exists"):
        client.create_repository(repositoryName="web")
    client.delete_repository(repositoryName="web")
    with pytest.raises(ClientError, match="RepositoryDoesNotExistException"):
        client.get_repository(repositoryName="web")
