"""Speed of parsing buildspecs and selecting artifacts, at three sizes: growth should be linear."""

from __future__ import annotations

import time

from pushproof.engines.buildspec import Artifacts, parse, select


def buildspec(commands: int) -> str:
    """Return a buildspec with that many commands."""
    return "version: 0.2\nphases:\n  build:\n    commands:\n" + "".join(f"      - echo {n}\n" for n in range(commands))


def seconds(work: object, *arguments: object) -> float:
    """Return the best of three runs."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        work(*arguments)  # type: ignore[operator]
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    for size in (100, 1_000, 10_000):
        took = seconds(parse, buildspec(size))
        print(f"buildspec parse   {size:>7} commands  {took * 1000:9.2f} ms  {size / took:12,.0f} commands/s")
    artifacts = Artifacts(("**/*.js", "dist/**/*"), base_directory="pkg*", exclude_paths=("**/test/**",))
    for size in (1_000, 10_000, 100_000):
        paths = [f"pkg{n % 10}/dist/d{n % 97}/f{n}.js" for n in range(size)]
        took = seconds(select, paths, artifacts)
        print(f"artifact select   {size:>7} files     {took * 1000:9.2f} ms  {size / took:12,.0f} files/s")


if __name__ == "__main__":
    main()
