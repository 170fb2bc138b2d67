"""Jobs of workflows: what a token says of the repository, the event and the run that it was issued for.

Source: https://docs.github.com/en/actions/reference/security/oidc
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields

_FULL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/[A-Za-z0-9._-]{1,100}")
_ID = re.compile(r"\d{1,20}")
_REF = re.compile(r"refs/(heads|tags|pull)/\S+")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on GitHub.

    `owner_id` and `id`: the numbers that GitHub gave them. `immutable`: whether subjects of its tokens contain the numbers, as
    those of repositories created, renamed or moved after 2026-07-15 do.

    Raises ValueError for names and numbers that GitHub cannot have members.
    """

    owner: str
    name: str
    owner_id: str = "1"
    id: str = "1"
    immutable: bool = False
    visibility: str = "private"

    def __post_init__(self) -> None:
        if not _FULL_NAME.fullmatch(self.full_name):
            raise ValueError(
                f"{self.full_name!r} is no repository: expected owner/name, such as octo-org/octo-repo, as GitHub writes it"
            )
        for what, number in (("owner_id", self.owner_id), ("id", self.id)):
            if not _ID.fullmatch(number):
                raise ValueError(f"{what} = {number!r} is no number of GitHub's: expected digits, such as 65")

    @classmethod
    def named(
        cls,
        full_name: str,
        *,
        owner_id: str = "",
        id: str = "",
        immutable: bool | None = None,
        visibility: str = "private",
    ) -> Repository:
        """Return a repository by `owner/name`. With both numbers its subjects contain them, unless `immutable` says otherwise.

        Raises ValueError for a name that is none, and for one number without the other.
        """
        owner, _, name = full_name.partition("/")
        if bool(owner_id) is not bool(id):
            raise ValueError(
                f"{full_name}: immutable subjects contain the owner's and the repository's number; give both or neither"
            )
        numbered = bool(owner_id) if immutable is None else immutable
        return cls(owner, name, owner_id or "1", id or "1", numbered, visibility)

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"

    @property
    def in_subjects(self) -> str:
        """The repository as subjects name it: `owner/name`, or `owner@number/name@number`."""
        return f"{self.owner}@{self.owner_id}/{self.name}@{self.id}" if self.immutable else self.full_name


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a workflow run.

    `ref`: the ref that the event is about. `environment`: the deployment environment that the job names, "" for none.
    `workflow_file`: the path of the workflow. `reusable`: the reusable workflow that the job calls,
    as `owner/name/.github/workflows/file.yml@ref`; "" where the job is the workflow's own. `subject_keys`: the organization's or
    repository's `include_claim_keys`; empty for the usual subject.

    Raises ValueError for a ref that is none.
    """

    repository: Repository
    event: str = "push"
    ref: str = "refs/heads/main"
    environment: str = ""
    workflow: str = "Deploy"
    workflow_file: str = ".github/workflows/deploy.yml"
    reusable: str = ""
    sha: str = "0" * 40
    actor: str = "octocat"
    actor_id: str = "1"
    head_ref: str = ""
    base_ref: str = ""
    run_id: str = "1"
    run_number: int = 1
    run_attempt: int = 1
    enterprise: str = ""
    enterprise_id: str = ""
    subject_keys: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not _REF.fullmatch(self.ref):
            raise ValueError(
                f"{self.ref!r} is no ref: expected refs/heads/<branch>, refs/tags/<tag> or refs/pull/<number>/merge"
            )

    @property
    def ref_type(self) -> str:
        """`branch` or `tag`; pull requests count as branches."""
        return "tag" if self.ref.startswith("refs/tags/") else "branch"

    @property
    def workflow_ref(self) -> str:
        """The workflow with its repository and ref."""
        return f"{self.repository.full_name}/{self.workflow_file}@{self.ref}"

    @property
    def job_workflow_ref(self) -> str:
        """The reusable workflow that the job calls; its own workflow where it calls none."""
        return self.reusable or self.workflow_ref


_TEXTS = frozenset(item.name for item in fields(Job) if item.type == "str")


def job_of(described: object) -> Job:
    """Return the job that plain JSON describes: the fields of `Job`, with `repository` as `owner/name` and its numbers beside it.

    Raises ValueError, naming what is unknown, missing or of another kind.
    """
    if not isinstance(described, dict):
        raise ValueError(f"a job is described by an object; got {type(described).__name__}")
    members = {str(name): value for name, value in described.items()}
    repository = Repository.named(
        _text(members, "repository", needed=True),
        owner_id=_text(members, "repository_owner_id"),
        id=_text(members, "repository_id"),
        visibility=_text(members, "visibility") or "private",
    )
    keys = members.pop("subject_keys", [])
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError(f"subject_keys = {keys!r}: expected a list of include_claim_keys, such as ['repo', 'context']")
    number, attempt = members.pop("run_number", 1), members.pop("run_attempt", 1)
    if type(number) is not int or type(attempt) is not int:
        raise ValueError(f"run_number and run_attempt are whole numbers; got {number!r} and {attempt!r}")
    texts = {name: _text(members, name) for name in list(members) if name in _TEXTS}
    if members:
        known = ", ".join(
            sorted({*_TEXTS, "repository", "repository_id", "repository_owner_id", "visibility", "subject_keys"})
        )
        raise ValueError(f"a job has no {', '.join(sorted(members))}; expected some of {known}")
    return Job(repository, run_number=number, run_attempt=attempt, subject_keys=tuple(keys), **texts)


def described(job: Job) -> dict[str, object]:
    """Return a job as plain JSON describes it, which `job_of` reads."""
    repository = job.repository
    plain: dict[str, object] = {name: getattr(job, name) for name in sorted(_TEXTS)}
    plain |= {"repository": repository.full_name, "visibility": repository.visibility}
    plain |= {"run_number": job.run_number, "run_attempt": job.run_attempt, "subject_keys": list(job.subject_keys)}
    if repository.immutable:
        plain |= {"repository_owner_id": repository.owner_id, "repository_id": repository.id}
    return plain


def _text(members: dict[str, object], name: str, *, needed: bool = False) -> str:
    value = members.pop(name, "")
    if not isinstance(value, str) or (needed and not value):
        raise ValueError(f"{name} = {value!r}: expected a text" + (", such as octo-org/octo-repo" if needed else ""))
    return value
