"""Runs inside a build's container, once for each thing the builder asks: a phase's commands, a list of files, a zip.

What the commands print goes to standard output as they print it; the answer goes to standard error as one line of JSON.
Between commands the shell's exported state and working directory are kept, which makes the commands of version 0.2 one shell.
Plain standard library, for whatever Python the image has.
"""

from __future__ import annotations

import datetime
import glob
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from typing import Any

HOME = "/codebuild"
TMP = HOME + "/output/tmp"
STATE, DIRECTORY, SCRIPT = TMP + "/env.sh", TMP + "/dir.txt", TMP + "/script.sh"
PLAN = HOME + "/plan.json"

# `exit` in a command must not lose what it exported, hence the trap. `set -a`: what a command assigns, later commands see.
KEEP = """\
trap 'set -- "$?"; trap - EXIT; set +a; {{ export -p; {functions}; }} > {state}.new 2>/dev/null && mv {state}.new {state}; \
pwd > {directory}; exit "$1"' EXIT
cd "$(cat {directory})"
set -a
. {state}
{command}
"""


def say(text: str) -> None:
    """A line of the agent's own, as CodeBuild's agent writes them."""
    now = datetime.datetime.now(datetime.timezone.utc)  # noqa: UP017 (older Pythons)
    sys.stdout.write("[Container] %s %s\n" % (now.strftime("%Y/%m/%d %H:%M:%S.%f"), text))  # noqa: UP031
    sys.stdout.flush()


def answer(**members: Any) -> None:
    """What the builder reads."""
    sys.stderr.write(json.dumps(members) + "\n")


def shell_of(plan: dict[str, Any]) -> str:
    """The shell that runs commands."""
    return plan.get("shell") or "bash"


def run(plan: dict[str, Any], command: str, keep: bool) -> int:
    """One command; its exit status."""
    shell = shell_of(plan)
    script = command + "\n"
    if keep:
        functions = "declare -f" if shell.endswith("bash") else ":"
        script = KEEP.format(functions=functions, state=STATE, directory=DIRECTORY, command=command)
    with open(SCRIPT, "w") as file:
        file.write(script)
    return subprocess.call(
        [shell, SCRIPT],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        cwd=plan["source"],
        env=plan["environment"],
    )


def phase(plan: dict[str, Any], name: str, succeeding: str) -> None:
    """The commands of a phase, the first failure skipping the rest, then its `finally` whatever happened."""
    keep = plan["one_shell"]
    failed: tuple[str, int] | None = None
    plan["environment"]["CODEBUILD_BUILD_SUCCEEDING"] = succeeding
    if not os.path.exists(STATE):
        open(STATE, "w").close()
        with open(DIRECTORY, "w") as file:
            file.write(plan["source"])
    tell(succeeding)
    for block in ("commands", "finally"):
        for command in plan["phases"][name][block]:
            say("Running command " + command)
            status = run(plan, command, keep)
            if status:
                # A shell killed by a signal has 128 and its number, as every shell reports it.
                status = status if status > 0 else 128 - status
                sys.stdout.write("\n")
                say("Command did not exit successfully %s exit status %d" % (command, status))  # noqa: UP031
                failed = failed or (command, status)
                plan["environment"]["CODEBUILD_BUILD_SUCCEEDING"] = "0"
                tell("0")
                break
    answer(command=failed[0] if failed else None, status=failed[1] if failed else 0)


def tell(succeeding: str) -> None:
    """CODEBUILD_BUILD_SUCCEEDING in the kept state: the last word there wins."""
    with open(STATE, "a") as file:
        file.write("export CODEBUILD_BUILD_SUCCEEDING=%s\n" % succeeding)  # noqa: UP031


def expand(plan: dict[str, Any], *words: str) -> None:
    """Words as the build's shell expands them (variables and commands, no globs)."""
    found = []
    for word in words:
        command = "printf %s " + '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
        found.append(captured(plan, command).decode(errors="replace"))
    answer(words=found)


def captured(plan: dict[str, Any], command: str) -> bytes:
    """What a command prints, in the kept state and without changing it."""
    state = 'cd "$(cat %s 2>/dev/null || pwd)"; [ -f %s ] && . %s; ' % (DIRECTORY, STATE, STATE)  # noqa: UP031
    return subprocess.run(
        [shell_of(plan), "-c", state + command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        cwd=plan["source"],
        env=plan["environment"],
        check=False,
    ).stdout


def environment(plan: dict[str, Any]) -> None:
    """Every variable as it stands."""
    pairs = [pair.partition("=") for pair in captured(plan, "env -0").decode(errors="replace").split("\0") if pair]
    answer(environment={name: value for name, _, value in pairs})


def files(plan: dict[str, Any]) -> None:
    """All files below the source directory."""
    source = plan["source"]
    answer(
        files=[os.path.relpath(os.path.join(at, name), source) for at, _, names in os.walk(source) for name in names]
    )


def pack(plan: dict[str, Any], selection: str) -> None:
    """A zip of the chosen files: `selection` names a JSON file of [source, target] pairs."""
    with open(selection) as file:
        pairs = json.load(file)
    path = HOME + "/output/artifact.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for source, target in pairs:
            archive.write(os.path.join(plan["source"], source), target)
    answer(path=path)


def cache(plan: dict[str, Any], *patterns: str) -> None:
    """A tar of what the cache's paths match, absolute or below the source directory."""
    path = HOME + "/output/cache.tar.gz"
    matched: set[str] = set()
    for pattern in patterns:
        matched.update(glob.glob(os.path.join(plan["source"], os.path.expanduser(pattern)), recursive=True))
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name in sorted(matched):
            # Directories are matched as well as what is in them; each is added once.
            inner = any(other.startswith(name + "/") for other in matched)
            archive.add(name, _placed(plan, name), recursive=not inner)
    answer(path=path, count=len(matched))


def _placed(plan: dict[str, Any], name: str) -> str:
    """A path in the cache: what lies in the source directory comes back into the next build's, which has another name."""
    below = os.path.relpath(name, plan["source"])
    return "source/" + below if not below.startswith("..") else "root" + os.path.abspath(name)


def restore(plan: dict[str, Any], path: str) -> None:
    """Unpack what `cache` packed."""
    with tarfile.open(path) as archive:
        for member in archive:
            place, _, member.name = member.name.partition("/")
            archive.extract(member, plan["source"] if place == "source" else "/")
    answer()


def main() -> None:
    with open(PLAN) as file:
        plan = json.load(file)
    asked: dict[str, Any] = {
        "phase": phase,
        "expand": expand,
        "environment": environment,
        "files": files,
        "pack": pack,
        "restore": restore,
        "cache": cache,
    }
    asked[sys.argv[1]](plan, *sys.argv[2:])


if __name__ == "__main__":
    main()
