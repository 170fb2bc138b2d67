"""The git host that a connection reaches: bare repositories behind git's own HTTP backend, on the gateway's port.

`git push http://127.0.0.1:<port>/_git/<owner>/<name>.git` is a real push, with the administrator's keys. The pusher's terminal
shows
what the push started.
Source: https://git-scm.com/docs/git-http-backend
"""

from __future__ import annotations

import hmac
import logging
import os
import re
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.base.environment import WORLD_VARIABLE, clean_environment
from pushproof.emulator.kernel.archives import zip_of
from pushproof.emulator.kernel.site import CHALLENGE, KEYS_NEEDED
from pushproof.emulator.kernel.source import (
    Commit,
    NoSuchRepository,
    PullRequest,
    PullRequestChange,
    Push,
    TagPush,
)

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Ground

T = TypeVar("T")
log = logging.getLogger(__name__)

# Names as long as GitHub's at most: https://docs.github.com/en/rest/repos/repos (39 and 100 characters).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,38}/[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Paths of git's protocol below a repository: https://git-scm.com/docs/git-http-backend#_services
_SERVICE = re.compile(r"/(?:HEAD|info/refs|objects/[A-Za-z0-9./_-]{1,200}|git-upload-pack|git-receive-pack)")
_PREFIX = "/_git/"
_REQUEST = re.compile(rf"{_PREFIX}({_NAME.pattern}?)(?:\.git)?({_SERVICE.pattern})")
_HOOK_PREFIX = "/_git-push/"
# Git asks for `service=git-upload-pack`; the backend gets the query as a variable, which has a limit of its own.
_LONGEST_QUERY = 1024
_ZERO = "0" * 40

# Runs inside git's receive-pack; the pusher sees its output as "remote: …".
_HOOK = """#!{python}
import sys, urllib.request
try:
    answer = urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(
        urllib.request.Request({url!r}, sys.stdin.buffer.read(), {{"X-Pushproof-Hook": {secret!r}}}, method="POST"), timeout=60)
    print(answer.read().decode(), end="")
except Exception as error:
    print(f"the push was stored, but announcing it failed: {{error}}")
"""


class GitHost:
    """Repositories of a world. A front of the gateway."""

    # : What is no part of a kept world.
    not_kept: ClassVar[tuple[str, ...]] = ("_git", "_environment", "_secret")

    name = "git host"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._root = ground.directory / "git"
        self._root.mkdir(parents=True, exist_ok=True)
        # A secret by which the hook of a repository here is told from other senders of announcements.
        self._secret = secrets.token_urlsafe(32)
        self._subscribers: list[Callable[[Push], str | None]] = []
        self._tag_subscribers: list[Callable[[TagPush], str | None]] = []
        self._request_subscribers: list[Callable[[PullRequestChange], str | None]] = []
        self._requests: dict[str, list[PullRequest]] = {}
        git = shutil.which("git")
        if git is None:
            raise FileNotFoundError("git is not on PATH; install it (Debian/Ubuntu: apt-get install git)")
        self._git = git
        self._environment = {**clean_environment(), WORLD_VARIABLE: ground.id}

    # Calls from other parts of the plane.

    def on_push(self, callback: Callable[[Push], str | None]) -> None:
        """Call `callback`, under the world's lock, for every branch that a push moved; the pusher sees the text that it returns."""
        self._subscribers.append(callback)

    def on_tag(self, callback: Callable[[TagPush], str | None]) -> None:
        """Call `callback`, under the world's lock, for every tag that a push made or moved; the pusher sees the text."""
        self._tag_subscribers.append(callback)

    def on_pull_request(self, callback: Callable[[PullRequestChange], str | None]) -> None:
        """Call `callback`, under the world's lock, for every pull request that was opened, updated or closed."""
        self._request_subscribers.append(callback)

    # Pull requests, as people use them on the provider's page.

    def open_pull_request(self, repository: str, source: str, target: str = "main", *, title: str = "") -> PullRequest:
        """Open a pull request from branch `source` into branch `target`.

        A later push to `source` updates it; one that brings `target` up to `source` merges it.
        Raises ValueError if there is no such repository or branch, if both have the same commits, or if the two have an open one.
        """
        for branch in (source, target):
            if self.head(repository, branch) is None:
                raise ValueError(f"{repository} has no branch {branch}: push it first")
        if self._contains(repository, target, source):
            raise ValueError(f"{target} of {repository} has every commit of {source}: there is nothing to merge")
        requests = self._requests.setdefault(repository, [])
        for earlier in requests:
            if (earlier.source, earlier.target, earlier.state) == (source, target, "OPEN"):
                raise ValueError(
                    f"{repository} has an open pull request from {source} into {target}: #{earlier.number}"
                )
        request = PullRequest(repository, len(requests) + 1, title or f"Merge {source} into {target}", source, target)
        requests.append(request)
        self._announce(request, "OPEN")
        return request

    def close_pull_request(self, repository: str, number: int, *, merge: bool = False) -> PullRequest:
        """Close an open pull request, with `merge` after its source branch was merged into its target branch.

        The merge is a push to the target branch. Raises ValueError if there is no such open pull request, or if the branches
        conflict.
        """
        request = next((item for item in self.pull_requests(repository) if item.number == number), None)
        if request is None or request.state != "OPEN":
            state = "none" if request is None else f"one that is {request.state}"
            raise ValueError(f"{repository} has no open pull request #{number} (there is {state})")
        if not merge:
            return self._close(request, "CLOSED")
        self._merge(request)
        return next(item for item in self.pull_requests(repository) if item.number == number)

    def pull_requests(self, repository: str) -> list[PullRequest]:
        """Return every pull request of a repository, oldest first."""
        return list(self._requests.get(repository, ()))

    def _close(self, request: PullRequest, state: Literal["MERGED", "CLOSED"]) -> PullRequest:
        closed = replace(request, state=state)
        requests = self._requests[request.repository]
        requests[request.number - 1] = closed
        self._announce(closed, "CLOSED")
        return closed

    def _merge(self, request: PullRequest) -> None:
        path = str(self._existing(request.repository))
        source, target = (f"refs/heads/{branch}" for branch in (request.source, request.target))
        before = self._run("-C", path, "rev-parse", target).stdout.decode().strip()
        head = self._run("-C", path, "rev-parse", source).stdout.decode().strip()
        tree = self._run("-C", path, "merge-tree", "--write-tree", target, source, check=False)
        if tree.returncode:
            raise ValueError(
                f"pull request #{request.number} of {request.repository} cannot be merged: {request.source} and "
                f"{request.target} conflict"
            )
        person = ("-c", "user.name=Pushproof", "-c", "user.email=pushproof@localhost")
        message = f"Merge pull request #{request.number} from {request.source}\n\n{request.title}"
        parents = ("-p", before, "-p", head)
        tree_id = tree.stdout.decode().split("\n", 1)[0]
        merged = self._run(*person, "-C", path, "commit-tree", tree_id, *parents, "-m", message).stdout.decode().strip()
        self._run("-C", path, "update-ref", target, merged, before)
        self._moved(request.repository, request.target, before, merged)

    def _announce(self, request: PullRequest, action: Literal["OPEN", "UPDATED", "CLOSED"]) -> list[str]:
        """Tell subscribers of a change, and return what they said."""
        commit = self.commit(request.repository, request.source)
        base = f"{request.target}...{request.source}"
        change = PullRequestChange(request, action, commit, self._changed(request.repository, base))
        return self._told(self._request_subscribers, change)

    def _told(self, subscribers: list[Callable[[T], str | None]], news: T) -> list[str]:
        with self._ground.loop.lock:
            return [text for subscriber in subscribers if (text := subscriber(news))]

    def _contains(self, repository: str, branch: str, other: str) -> bool:
        """Return whether a branch has every commit of another."""
        path = str(self._existing(repository))
        names = (f"refs/heads/{other}", f"refs/heads/{branch}")
        return self._run("-C", path, "merge-base", "--is-ancestor", *names, check=False).returncode == 0

    def _changed(self, repository: str, *revisions: str) -> tuple[str, ...]:
        """Return the paths that differ between revisions."""
        path = str(self._existing(repository))
        done = self._run("-C", path, "diff", "--name-only", "--no-renames", "-z", *revisions, "--", check=False)
        return tuple(name for name in done.stdout.decode(errors="surrogateescape").split("\0") if name)

    def _changed_by_push(self, repository: str, branch: str, old: str, new: str) -> tuple[str, ...]:
        if old != _ZERO:
            return self._changed(repository, old, new)
        path = str(self._existing(repository))
        default = self._run("-C", path, "rev-parse", "--quiet", "--verify", "HEAD", check=False).stdout.decode().strip()
        if default and default != new:
            return self._changed(repository, f"{default}...{new}")
        done = self._run("-C", path, "ls-tree", "-r", "--name-only", "-z", new)
        return tuple(name for name in done.stdout.decode(errors="surrogateescape").split("\0") if name)

    def create(self, repository: str) -> str:
        """Create an empty repository (unless it exists), and return its URL.

        Raises ValueError if the name is not `owner/name`.
        """
        path = self._path(repository)
        if not (path / "HEAD").exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._run("init", "--quiet", "--bare", "--initial-branch=main", str(path))
            self._write_hook(repository)
        return self.url(repository)

    def _write_hook(self, repository: str) -> None:
        """Write the hook that announces pushes to this world."""
        hook = self._path(repository) / "hooks" / "post-receive"
        hook.parent.mkdir(exist_ok=True)
        url = f"{self._ground.endpoint.url}{_HOOK_PREFIX}{repository}"
        hook.touch(mode=stat.S_IRWXU)
        hook.write_text(_HOOK.format(python=sys.executable, url=url, secret=self._secret))
        hook.chmod(stat.S_IRWXU)

    def continued(self) -> None:
        """Make the repositories of a kept world announce pushes here."""
        for repository in self.repositories():
            self._write_hook(repository)

    def url(self, repository: str) -> str:
        """Return the URL for `git push`."""
        return f"{self._ground.endpoint.url}{_PREFIX}{repository}.git"

    def repositories(self) -> list[str]:
        """Return every repository, as `owner/name`, sorted."""
        return sorted(f"{p.parent.name}/{p.name.removesuffix('.git')}" for p in self._root.glob("*/*.git"))

    def head(self, repository: str, branch: str) -> str | None:
        """Return the commit of a branch; None if there is no such repository or branch."""
        try:
            path = self._existing(repository)
        except NoSuchRepository:
            return None
        done = self._run("-C", str(path), "rev-parse", "--quiet", "--verify", f"refs/heads/{branch}", check=False)
        return done.stdout.decode().strip() or None

    def commit(self, repository: str, commit: str) -> Commit:
        """Return a commit by hash or branch. Raises NoSuchRepository, or CalledProcessError if there is no such commit."""
        path = self._existing(repository)
        form = "%H%x00%an%x00%ae%x00%aI%x00%B"
        text = self._run("-C", str(path), "show", "-s", f"--format={form}", commit, "--").stdout.decode()
        identity, author, email, date, message = text.split("\0", 4)
        return Commit(identity, author, email, date, message.strip())

    def archive(self, repository: str, commit: str) -> bytes:
        """Return the files of a commit as a zip with the files at its root, as in CODE_ZIP."""
        return self._run("-C", str(self._existing(repository)), "archive", "--format=zip", commit).stdout

    def clone(self, repository: str, branch: str, commit: str) -> bytes:
        """Return a clone with its whole history, checked out at a commit of a branch, as a zip with `.git` at its root."""
        path = self._existing(repository)
        with tempfile.TemporaryDirectory(dir=self._root, prefix="clone-") as directory:
            # Local objects are copied: the clone lives on in a build's container.
            self._run("clone", "--quiet", "--no-hardlinks", "--no-checkout", str(path), directory)
            self._run("-C", directory, "checkout", "--quiet", "--detach", commit)
            self._run("-C", directory, "remote", "set-url", "origin", self.url(repository))
            return zip_of(Path(directory))

    # The front.

    def accepts(self, request: Request) -> bool:
        return request.path.startswith((_PREFIX, _HOOK_PREFIX))

    def handle(self, request: Request) -> Response:
        if request.path.startswith(_HOOK_PREFIX):
            if not hmac.compare_digest(request.headers.get("X-Pushproof-Hook", "").encode(), self._secret.encode()):
                return Response("Only the git host itself announces pushes here.\n", status=403)
            return self._received(request.path.removeprefix(_HOOK_PREFIX), request.get_data().decode())
        match = _REQUEST.fullmatch(request.path)
        if match is None or ".." in match[0]:
            return Response(f"{request.path} is not {_PREFIX}<owner>/<name>.git\n", status=404)
        if not self._ground.doorkeeper.admits(request):
            return Response(f"{KEYS_NEEDED}.\n", status=401, headers={"WWW-Authenticate": CHALLENGE})
        if len(request.query_string) > _LONGEST_QUERY:
            return Response(f"A query has at most {_LONGEST_QUERY} characters.\n", status=414)
        try:
            # The first push creates a repository; reading a missing one is an error.
            if "git-receive-pack" in (request.args.get("service"), match[2].removeprefix("/")):
                self.create(match[1])
            else:
                self._existing(match[1])
        except (ValueError, NoSuchRepository) as error:
            return Response(f"{error}\n", status=404, content_type="text/plain")
        return self._backend(request, f"/{match[1]}.git{match[2]}")

    def close(self) -> None:
        """Do nothing: the repositories are deleted with the world's directory."""

    def _received(self, repository: str, lines: str) -> Response:
        messages: list[str] = []
        for line in lines.splitlines():
            old, new, ref = line.split(" ", 2)
            if set(new) == {"0"}:
                continue
            if ref.startswith("refs/heads/"):
                messages += self._moved(repository, ref.removeprefix("refs/heads/"), old, new)
            elif ref.startswith("refs/tags/"):
                tag = TagPush(repository, ref.removeprefix("refs/tags/"), self.commit(repository, f"{new}^{{commit}}"))
                messages += self._told(self._tag_subscribers, tag)
        return Response("".join(f"{text}\n" for text in messages), content_type="text/plain")

    def _moved(self, repository: str, branch: str, old: str, new: str) -> list[str]:
        """Announce a branch that moved, and what that means for pull requests. Return the messages for the pusher."""
        push = Push(
            repository=repository,
            branch=branch,
            commit=self.commit(repository, new),
            previous=None if old == _ZERO else old,
            paths=self._changed_by_push(repository, branch, old, new),
        )
        messages = self._told(self._subscribers, push)
        for request in self.pull_requests(repository):
            if request.state != "OPEN" or branch not in (request.source, request.target):
                continue
            if self._contains(repository, request.target, request.source):
                self._close(request, "MERGED")
                messages.append(f"Pull request #{request.number} is merged.")
            elif branch == request.source:
                messages += self._announce(request, "UPDATED")
        return messages or [f"No pipeline watches branch {branch} of {repository}: this push deploys nothing."]

    def _backend(self, request: Request, path_info: str) -> Response:
        environment = {
            **self._environment,
            "GIT_PROJECT_ROOT": str(self._root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "pushproof",
            "REMOTE_ADDR": request.remote_addr or "127.0.0.1",
            "PATH_INFO": path_info,
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": _plain(request.query_string.decode("latin-1")),
            "CONTENT_TYPE": _plain(request.content_type or ""),
            "HTTP_CONTENT_ENCODING": _plain(request.headers.get("Content-Encoding", "")),
            "GIT_PROTOCOL": _plain(request.headers.get("Git-Protocol", "")),
        }
        body = request.get_data(parse_form_data=False)
        environment["CONTENT_LENGTH"] = str(len(body))
        done = subprocess.run(
            [self._git, "http-backend"], input=body, env=environment, capture_output=True, check=False, timeout=300
        )
        if done.stderr:
            log.info("git http-backend: %s", done.stderr.decode(errors="replace").strip())
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        response = Response(content, status=200)
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            if name.lower() == "status":
                response.status = value
            elif name:
                response.headers[name] = value
        if response.status_code >= 500:
            # Git ends so on a request that it cannot use.
            words = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            return Response(f"git cannot use this request: {words or 'no reason given'}\n", status=400)
        return response

    def _path(self, repository: str) -> Path:
        if not _NAME.fullmatch(repository) or ".." in repository:
            raise ValueError(f"{repository!r} is not a repository name; expected <owner>/<name>")
        return self._root / f"{repository}.git"

    def _existing(self, repository: str) -> Path:
        path = self._path(repository)
        if not (path / "HEAD").exists():
            names = ", ".join(self.repositories()) or "none yet"
            raise NoSuchRepository(f"the git host has no repository {repository} (there are: {names}); push to it once")
        return path

    def _run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        environment = {**self._environment, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run([self._git, *arguments], env=environment, capture_output=True, check=check, timeout=60)


def _plain(value: str) -> str:
    """Return a header's value as a variable of git's environment, which holds no NUL and nothing but ASCII."""
    return value.replace("\0", "").encode("ascii", "ignore").decode()
