"""Families of database parameters, by engine and version."""

from __future__ import annotations

#: Engines whose families have the major version alone, from this major version on.
_BY_MAJOR = {"postgres": 10, "aurora-postgresql": 10}
#: Engines that write a hyphen before the version.
_HYPHENATED = ("oracle", "sqlserver", "custom-oracle", "custom-sqlserver", "db2")


def parameter_family(engine: str, version: str) -> str:
    """Return the family of a database's parameters, such as `mysql5.7`, `postgres16`, `oracle-ee-19` or `sqlserver-se-15.0`.

    Source: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html (DBParameterGroupFamily)
    """
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    if engine.startswith(_HYPHENATED):
        whole = major if engine.startswith(("oracle", "custom-oracle")) or not minor else f"{major}.{minor[0]}"
        return f"{engine}-{whole}"
    by_major = engine in _BY_MAJOR and major.isdigit() and int(major) >= _BY_MAJOR[engine]
    return f"{engine}{major}" if by_major or not minor else f"{engine}{major}.{minor}"
