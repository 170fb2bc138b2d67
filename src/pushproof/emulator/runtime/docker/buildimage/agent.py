"""Runs inside a build's container, once for each request of the builder: a phase's commands, a list of files, a zip.

Output of the commands goes to standard output at once; the answer goes to standard error as one line of JSON.
The commands of version 0.2 share one shell, which lives as long as the build: `serve` keeps it, and reads from and writes to
three pipes. A command that ends the shell (`exit`, a syntax error) ends its own part; the next shell takes over variables,
working directory and, where the shell can list them, functions.
Plain standard library, for whatever Python the image has.

Sources: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec-ref-versions (one shell); build logs
show commands at line 4 of /codebuild/output/tmp/script.sh, and CODEBUILD_LAST_EXIT in the environment.
"""

from __future__ import annotations

import datetime
import glob
import json
import os
import select
import subprocess
import sys
import tarfile
import zipfile
from typing import Any

HOME = "/codebuild"
TMP = HOME + "/output/tmp"
STATE, DIRECTORY, FUNCTIONS, SCRIPT = TMP + "/env.sh", TMP + "/dir.txt", TMP + "/functions.sh", TMP + "/script.sh"
PLAN = HOME + "/plan.json"
# The pipes: a byte into the first starts a command; its output comes out of the second; its end is reported on the third.
START, OUTPUT, STATUS = TMP + "/start", TMP + "/printed", TMP + "/status"

# The shell that runs commands, one after the other. `set -a`: programs of later commands see what a command assigns.
# Commands do not see the pipes of descriptors 8 and 9, so that a program left in the background keeps none of them open.
LOOP = f"""\
if [ -f {STATE} ]; then . {STATE}; [ ! -f {FUNCTIONS} ] || . {FUNCTIONS}; cd "$(cat {DIRECTORY})"; fi
set -a
while IFS= read -r CODEBUILD_LAST_EXIT <&8; do
  . {SCRIPT} </dev/null 8<&- 9>&-
  CODEBUILD_LAST_EXIT=$?
  {{
    export -p > {STATE}.new && mv {STATE}.new {STATE}
    [ -z "${{BASH_VERSION-}}" ] || declare -f > {FUNCTIONS}
    pwd > {DIRECTORY}
    printf 'done %s\\n' "$CODEBUILD_LAST_EXIT" >&9
  }} 2>/dev/null || :
done
"""


def say(text: str) -> None:
    """Print a line of the agent's own, in the style of CodeBuild's agent."""
    now = datetime.datetime.now(datetime.timezone.utc)  # noqa: UP017 (older Pythons)
    sys.stdout.write("[Container] %s %s\n" % (now.strftime("%Y/%m/%d %H:%M:%S.%f"), text))  # noqa: UP031
    sys.stdout.flush()


def answer(**members: Any) -> None:
    """Print an answer for the builder."""
    sys.stderr.write(json.dumps(members) + "\n")


def write_script(succeeding: str, last: int, command: str) -> None:
    """Write a command at line 4 of the script, where the messages of a shell on AWS place it."""
    with open(SCRIPT, "w") as file:
        file.write(
            "export CODEBUILD_BUILD_SUCCEEDING=%s\nexport CODEBUILD_LAST_EXIT=%d\n\n%s\n" % (succeeding, last, command)  # noqa: UP031
        )


def run_alone(plan: dict[str, Any], succeeding: str, last: int, command: str) -> int:
    """Run a command in a shell of its own (version 0.1), and return its exit status."""
    write_script(succeeding, last, command)
    sys.stdout.flush()
    return status_of(
        subprocess.call(
            [plan["shell"], SCRIPT],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            cwd=plan["source"],
            env=plan["environment"],
        )
    )


def run_shared(_: dict[str, Any], succeeding: str, last: int, command: str) -> int:
    """Run a command in the build's shared shell (version 0.2), and return its exit status."""
    if not os.path.exists(START):
        open_shell()
    write_script(succeeding, last, command)
    printed = os.open(OUTPUT, os.O_RDWR | os.O_NONBLOCK)
    status = os.open(STATUS, os.O_RDWR | os.O_NONBLOCK)
    # Open until the end: a pipe that no process holds open loses what was written to it.
    start = os.open(START, os.O_RDWR)
    try:
        os.write(start, b"%d\n" % last)
        report = b""
        while not report.endswith(b"\n"):
            ready = select.select([printed, status], [], [])[0]
            if printed in ready:
                pass_on(printed)
            if status in ready:
                report += os.read(status, 4096)
        # All output of the command is in the pipe by now; one read takes everything that a pipe holds.
        pass_on(printed)
    finally:
        for descriptor in (printed, status, start):
            os.close(descriptor)
    return int(report.split()[1])


def pass_on(printed: int) -> int:
    """Pass on what has been printed, if anything. Return the number of bytes."""
    try:
        content = os.read(printed, 65536)
    except BlockingIOError:
        return 0
    os.write(sys.stdout.fileno(), content)
    return len(content)


def open_shell() -> None:
    """Make the pipes, and start the process that keeps the shell."""
    for path in (OUTPUT, STATUS, START):
        os.mkfifo(path)
    subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), "serve"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def serve(plan: dict[str, Any]) -> None:
    """Keep a shell that runs commands, and start another one after a command has ended it."""
    start, printed, status = (os.open(path, os.O_RDWR) for path in (START, OUTPUT, STATUS))
    os.dup2(start, 8)
    os.dup2(status, 9)
    environment: dict[str, str] = plan["environment"]
    while True:
        shell = subprocess.Popen(
            # A shell's messages begin with the name it was started by.
            [plan["shell"], "-c", LOOP, SCRIPT],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            cwd=plan["source"],
            env=environment,
            pass_fds=(8, 9),
        )
        ended = status_of(shell.wait())
        os.write(status, b"exit %d\n" % ended)
        if os.path.exists(STATE):
            # The kept state is complete: a variable that a command has unset must not come back.
            environment = {}


def status_of(returned: int) -> int:
    """Return an exit status as shells report it: 128 plus the number of a signal."""
    return returned if returned >= 0 else 128 - returned


def phase(plan: dict[str, Any], name: str, succeeding: str) -> None:
    """Run the commands of a phase until the first failure, then its `finally` in any case."""
    run = run_shared if plan["one_shell"] else run_alone
    failed: tuple[str, int] | None = None
    last = 0
    for block in ("commands", "finally"):
        for command in plan["phases"][name][block]:
            say("Running command " + command)
            last = run(plan, succeeding, last, command)
            if last:
                sys.stdout.write("\n")
                say("Command did not exit successfully %s exit status %d" % (command, last))  # noqa: UP031
                failed = failed or (command, last)
                succeeding = "0"
                break
    answer(command=failed[0] if failed else None, status=failed[1] if failed else 0)


def expand(plan: dict[str, Any], *words: str) -> None:
    """Expand words as the build's shell does (variables and commands, no globs)."""
    values = []
    for word in words:
        command = "printf %s " + '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
        values.append(captured(plan, command).decode(errors="replace"))
    answer(words=values)


def captured(plan: dict[str, Any], command: str) -> bytes:
    """Return a command's output, run in the kept state without changing it."""
    kept = os.path.exists(STATE)
    state = '. %s; cd "$(cat %s)"; ' % (STATE, DIRECTORY) if kept else ""  # noqa: UP031
    return subprocess.run(
        [plan["shell"], "-c", state + command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        cwd=plan["source"],
        env={} if kept else plan["environment"],
        check=False,
    ).stdout


def environment(plan: dict[str, Any]) -> None:
    """Return every variable with its current value."""
    pairs = [pair.partition("=") for pair in captured(plan, "env -0").decode(errors="replace").split("\0") if pair]
    answer(environment={name: value for name, _, value in pairs})


def files(plan: dict[str, Any]) -> None:
    """List all files below the source directory."""
    source = plan["source"]
    answer(
        files=[os.path.relpath(os.path.join(at, name), source) for at, _, names in os.walk(source) for name in names]
    )


def pack(plan: dict[str, Any], selection: str) -> None:
    """Make a zip of the chosen files: `selection` names a JSON file of [source, target] pairs."""
    with open(selection) as file:
        pairs = json.load(file)
    path = HOME + "/output/artifact.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for source, target in pairs:
            archive.write(os.path.join(plan["source"], source), target)
    answer(path=path)


def cache(plan: dict[str, Any], *patterns: str) -> None:
    """Make a tar of the files that match the cache's paths, absolute or below the source directory."""
    path = HOME + "/output/cache.tar.gz"
    matched: set[str] = set()
    for pattern in patterns:
        matched.update(glob.glob(os.path.join(plan["source"], os.path.expanduser(pattern)), recursive=True))
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name in sorted(matched):
            # Directories match as well as their contents; each is added once.
            inner = any(other.startswith(name + "/") for other in matched)
            archive.add(name, _placed(plan, name), recursive=not inner)
    answer(path=path, count=len(matched))


def _placed(plan: dict[str, Any], name: str) -> str:
    """Return a path in the cache: files of the source directory return to the next build's, which has another name."""
    below = os.path.relpath(name, plan["source"])
    return "source/" + below if not below.startswith("..") else "root" + os.path.abspath(name)


def restore(plan: dict[str, Any], path: str) -> None:
    """Unpack an archive of `cache`."""
    with tarfile.open(path) as archive:
        for member in archive:
            place, _, member.name = member.name.partition("/")
            archive.extract(member, plan["source"] if place == "source" else "/")
    answer()


def main() -> None:
    with open(PLAN) as file:
        plan = json.load(file)
    requests: dict[str, Any] = {
        "phase": phase,
        "serve": serve,
        "expand": expand,
        "environment": environment,
        "files": files,
        "pack": pack,
        "restore": restore,
        "cache": cache,
    }
    requests[sys.argv[1]](plan, *sys.argv[2:])


if __name__ == "__main__":
    main()
