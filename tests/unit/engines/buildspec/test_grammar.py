"""Buildspec grammar: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html"""

from __future__ import annotations

import pytest

from pushproof.engines.buildspec import (
    BuildspecError,
    FailureAction,
    InvalidValue,
    MissingKey,
    OnFailure,
    Phase,
    SecretReference,
    UnknownVersion,
    WrongType,
    YamlSyntaxError,
    parse,
)

# After the example of build-spec-ref.html#build-spec-ref-example
EXAMPLE = """\
version: 0.2

env:
  variables:
    JAVA_HOME: "/usr/lib/jvm/java-8-openjdk-amd64"
  parameter-store:
    LOGIN_PASSWORD: /CodeBuild/dockerLoginPassword

phases:
  install:
    commands:
      - echo Entered the install phase...
      - apt-get update -y
    finally:
      - echo This always runs even if the update or install command fails
  pre_build:
    commands:
      - docker login -u User -p $LOGIN_PASSWORD
    finally:
      - echo This always runs even if the login command fails
  build:
    commands:
      - echo Build started on `date`
      - mvn install
  post_build:
    commands:
      - echo Build completed on `date`

reports:
  arn:aws:codebuild:your-region:your-aws-account-id:report-group/report-group-name-1:
    files:
      - "**/*"
    base-directory: 'target/tests/reports'
    discard-paths: no

artifacts:
  files:
    - target/messageUtil-1.0.jar
  discard-paths: yes
  secondary-artifacts:
    artifact1:
      files:
        - target/artifact-1.0.jar
      discard-paths: yes
    artifact2:
      files:
        - target/artifact-2.0.jar
cache:
  paths:
    - '/root/.m2/**/*'
"""


def minimal(**sections: str) -> str:
    """A valid buildspec with further top-level sections."""
    return "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n" + "".join(sections.values())


def test_the_reference_example_is_read_whole() -> None:
    """AWS's own example parses, every section in its place."""
    spec = parse(EXAMPLE)
    assert list(spec.phases) == [Phase.INSTALL, Phase.PRE_BUILD, Phase.BUILD, Phase.POST_BUILD]
    assert spec.phases[Phase.INSTALL].commands == ("echo Entered the install phase...", "apt-get update -y")
    assert len(spec.phases[Phase.PRE_BUILD].finally_) == 1
    assert spec.env.parameter_store == {"LOGIN_PASSWORD": "/CodeBuild/dockerLoginPassword"}
    assert spec.artifacts is not None
    assert spec.artifacts.files == ("target/messageUtil-1.0.jar",)
    assert spec.artifacts.discard_paths
    assert set(spec.secondary_artifacts) == {"artifact1", "artifact2"}
    assert not spec.secondary_artifacts["artifact2"].discard_paths
    assert spec.cache.paths == ("/root/.m2/**/*",)
    assert len(spec.reports) == 1
    assert [notice.key for notice in spec.notices] == ["reports"]


@pytest.mark.parametrize(
    ("text", "error", "message", "line"),
    [
        # github.com/aws-samples/bedrock-chat/issues/441 shows this text in a build log.
        ("version: 0.2\nphases: [a\n  b: c", YamlSyntaxError, "did not find expected ',' or ']' at line 3", 3),
        # github.com/awsdocs/aws-codebuild-user-guide/pull/25 shows this text in a build log.
        ("version: 0.2\nphases:\n\tx: y", YamlSyntaxError, "found character that cannot start any token at line 3", 3),
        (
            # github.com/aws/sagemaker-chainer-container/pull/83 shows this text in a build log.
            'version: 0.2\nphases:\n  build:\n    commands:\n      - make\n      - echo "Hello: world"\n',
            WrongType,
            "Expected Commands[1] to be of string type: found subkeys instead at line 6, "
            "value of the key tag on line 5 might be empty",
            6,
        ),
        ("version: 0.3\nphases: {build: {commands: [a]}}", UnknownVersion, None, 1),
        ("version: 2\nphases: {build: {commands: [a]}}", UnknownVersion, None, 1),
        ("version: [0.2]\nphases: {build: {commands: [a]}}", WrongType, None, 1),
        ("phases: {build: {commands: [a]}}", MissingKey, None, 1),
        ("version: 0.2\n", MissingKey, None, 1),
        ("version: 0.2\nphases:\n", MissingKey, None, 2),
        (
            # github.com/awsdocs issues and blogs show this text in build logs, without a line.
            "version: 0.2\nphases:\n  biuld:\n    commands: [a]",
            InvalidValue,
            "Invalid buildspec phase name: biuld. Expecting: build,install,post_build,pre_build",
            4,
        ),
        (
            "version: 0.2\nphases:\n  build:\n    commands: [a]\n  artifacts:\n    files: [x]",
            InvalidValue,
            "Invalid buildspec phase name: artifacts. Expecting: build,install,post_build,pre_build",
            6,
        ),
        (
            "version: 0.2\nphases:\n  build:\n    steps: [{uses: actions/checkout@v4}]",
            InvalidValue,
            'unsupported field "steps" in buildspec. No GitHub token has been configured for your account',
            4,
        ),
        ("", MissingKey, None, 1),
        ("- a\n- b", WrongType, None, 1),
        ("version: 0.2\nphases:\n  build:\n    commands: make all", WrongType, None, 4),
        ("version: 0.2\nphases:\n  build:\n    commands:\n      - make\n      -\n", WrongType, None, 6),
        ("version: 0.2\nphases:\n  build:\n    on-failure: RETRY-101\n", InvalidValue, None, 4),
        ("version: 0.2\nphases:\n  build:\n    on-failure: abort\n", InvalidValue, None, 4),
        ("version: 0.2\nphases:\n  build:\n    on-failure: RETRY-3-(\n", InvalidValue, None, 4),
        (minimal(env="env:\n  shell: fish\n"), InvalidValue, None, 7),
        (minimal(env="env:\n  shell: powershell.exe\n"), InvalidValue, None, 7),
        (minimal(env="env:\n  shell: cmd.exe\n"), InvalidValue, None, 7),
        (minimal(env="env:\n  shell: pwsh.exe\n"), InvalidValue, None, 7),
        (minimal(env="env:\n  shell: zsh\n"), InvalidValue, None, 7),
        (minimal(env="env:\n  shell: ''\n"), InvalidValue, None, 7),
        (minimal(p="proxy:\n  logs: sometimes\n"), InvalidValue, None, 7),
        (minimal(env="env:\n  git-credential-helper: perhaps\n"), InvalidValue, None, 7),
        (minimal(env="env:\n  variables:\n    A:\n      B: c\n"), WrongType, None, 9),
        (minimal(env="env:\n  exported-variables: A\n"), WrongType, None, 7),
        (minimal(a="artifacts:\n  name: x\n"), MissingKey, None, 7),
        (minimal(a="artifacts:\n  files: {x: y}\n"), WrongType, None, 7),
        (minimal(a="artifacts:\n  files: [x]\n  discard-paths: often\n"), InvalidValue, None, 8),
        (minimal(r="reports:\n  group:\n    files: [x]\n    file-format: TAP\n"), InvalidValue, None, 9),
        (minimal(c="cache:\n  paths: x\n"), WrongType, None, 7),
        ("&a [*a]", WrongType, None, 1),
        ("version: 0.2\n---\nversion: 0.2\n", YamlSyntaxError, None, 2),
        ("[" * 5000, YamlSyntaxError, None, 1),
    ],
)
def test_each_mistake_has_its_type_its_line_and_a_remedy(
    text: str, error: type[BuildspecError], message: str | None, line: int
) -> None:
    """A typed error, with line and remedy, refuses each mistake that CodeBuild refuses."""
    with pytest.raises(BuildspecError) as caught:
        parse(text)
    assert type(caught.value) is error
    assert caught.value.line == line
    assert caught.value.hint
    if message is None:
        assert f"line {line}" in caught.value.message
    else:
        assert caught.value.message == message
    assert caught.value.status_code == "YAML_FILE_ERROR"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("ABORT", OnFailure(FailureAction.ABORT)),
        ("CONTINUE", OnFailure(FailureAction.CONTINUE)),
        ("RETRY", OnFailure(FailureAction.RETRY, 3, ".*")),
        ("RETRY-0", OnFailure(FailureAction.RETRY, 0, ".*")),
        ("RETRY-100", OnFailure(FailureAction.RETRY, 100, ".*")),
        ("'RETRY-.*Error: Unable to connect to database.*'",
         OnFailure(FailureAction.RETRY, 3, ".*Error: Unable to connect to database.*")),
        ("RETRY-3-.*connection timed out.*", OnFailure(FailureAction.RETRY, 3, ".*connection timed out.*")),
    ],
)  # fmt: skip
def test_on_failure_has_six_forms(written: str, expected: OnFailure) -> None:
    """ABORT, CONTINUE and the four forms of RETRY (build-spec-ref.html#build-spec.phases) are distinguished."""
    spec = parse(f"version: 0.2\nphases:\n  build:\n    on-failure: {written}\n    commands: [make]\n")
    assert spec.phases[Phase.BUILD].on_failure == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("db", SecretReference("db")),
        ("db:password", SecretReference("db", "password")),
        ("db:password:AWSPREVIOUS", SecretReference("db", "password", "AWSPREVIOUS")),
        ("db:password::v1", SecretReference("db", "password", None, "v1")),
        ("db:::v1", SecretReference("db", None, None, "v1")),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf:password",
         SecretReference("arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-AbCdEf", "password")),
    ],
)  # fmt: skip
def test_secret_references_split_into_four_parts(written: str, expected: SecretReference) -> None:
    """secret-id:json-key:version-stage:version-id (build-spec-ref.html#build-spec.env.secrets-manager), ARNs included."""
    spec = parse(minimal(env=f"env:\n  secrets-manager:\n    S: '{written}'\n"))
    assert spec.env.secrets_manager["S"] == expected


def test_scalars_reach_the_shell_as_written() -> None:
    """Numbers and booleans are text to a shell: 1.10 stays 1.10, yes stays yes."""
    text = "version: 0.2\nenv: {variables: {A: 1.10, B: yes, C: 0x1F, D: }}\nphases: {build: {commands: [true, 12]}}"
    spec = parse(text)
    assert spec.env.variables == {"A": "1.10", "B": "yes", "C": "0x1F", "D": ""}
    assert spec.phases[Phase.BUILD].commands == ("true", "12")


def test_json_is_accepted() -> None:
    """An inline buildspec may be JSON, with the version as a string (github.com/aws/aws-cdk/issues/22087)."""
    assert parse('{"version": "0.2", "phases": {"build": {"commands": ["make"]}}}').version == "0.2"


def test_version_0_1_gives_each_command_its_own_shell() -> None:
    """0.1 runs each command in a separate shell instance, 0.2 all in one (build-spec-ref.html#build-spec-ref-versions)."""
    assert not parse("version: 0.1\nphases: {build: {commands: [a]}}").one_shell
    assert parse("version: 0.2\nphases: {build: {commands: [a]}}").one_shell


def test_what_is_accepted_and_not_run_is_named() -> None:
    """Batch, proxy, run-as, unknown keys, reserved names and secrets that would be exported each leave a notice."""
    spec = parse(
        minimal(
            batch="batch:\n  fast-fail: true\n",
            proxy="proxy:\n  logs: no\n",
            run="run-as: builder\nphase: {}\n",
            env="env:\n  variables: {CODEBUILD_X: a}\n  parameter-store: {P: p}\n  exported-variables: [P, AWS_X]\n",
        )
    )
    keys = ["batch", "proxy", "run-as", "phase", "CODEBUILD_X", "P", "AWS_X"]
    assert [notice.key for notice in spec.notices] == keys
    assert [notice.line for notice in spec.notices] == [7, 9, 10, 11, 13, 15, 15]


@pytest.mark.parametrize("shell", ["bash", "/bin/sh"])
def test_linux_has_two_shells(shell: str) -> None:
    """build-spec-ref.html#build-spec.shell: the supported tags on Linux are bash and /bin/sh."""
    assert parse(minimal(env=f"env:\n  shell: {shell}\n")).env.shell == shell


def test_report_formats_are_not_case_sensitive() -> None:
    """build-spec-ref.html#build-spec.reports.file-format says so."""
    spec = parse(minimal(r="reports:\n  group:\n    files: [x]\n    file-format: JUnitXml\n"))
    assert spec.reports["group"].file_format == "JUNITXML"


def test_merge_keys_and_anchors_are_resolved() -> None:
    """Anchored phases may be merged; what is written out wins over what is merged."""
    spec = parse(
        "version: 0.2\nphases:\n  install: &base\n    commands: [a]\n    finally: [z]\n"
        "  build:\n    <<: *base\n    commands: [b]\n"
    )
    assert spec.phases[Phase.BUILD].commands == ("b",)
    assert spec.phases[Phase.BUILD].finally_ == ("z",)


def test_one_artifact_file_needs_no_list() -> None:
    """AWS's tutorial of a pipeline to ECS writes it so.

    https://docs.aws.amazon.com/codepipeline/latest/userguide/ecs-cd-pipeline.html#ecs-cd-prereqs
    """
    spec = parse(minimal(a="artifacts:\n  files: imagedefinitions.json\n"))
    assert spec.artifacts is not None
    assert spec.artifacts.files == ("imagedefinitions.json",)
