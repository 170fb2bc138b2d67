"""Regions and account ids, as people write them."""

from __future__ import annotations

import difflib
import functools
import re


@functools.cache
def regions() -> frozenset[str]:
    """Return the regions that botocore knows, of every partition."""
    import botocore.session

    # `get_available_regions` reads the whole model of a service for the name of its endpoint.
    partitions = botocore.session.get_session().get_data("endpoints")["partitions"]
    return frozenset(
        region
        for partition in partitions
        for region in partition["services"].get("ec2", {}).get("endpoints", {})
        if region in partition["regions"]
    )


def require_region(text: str) -> str:
    """Return a region. Raises ValueError, with the names that are near."""
    if text not in regions():
        close = difflib.get_close_matches(text, sorted(regions()), 3)
        raise ValueError(
            f"{text!r} is no region of AWS; {'did you mean ' + ' or '.join(close) if close else 'eu-west-1 is one'}"
        )
    return text


def require_account_id(text: str) -> str:
    """Return an account id. Raises ValueError for what has not twelve digits."""
    if not re.fullmatch(r"\d{12}", text, re.ASCII):
        raise ValueError(f"{text!r} is no account id; expected twelve digits, such as 123456789012")
    return text
