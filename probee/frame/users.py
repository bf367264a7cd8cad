"""Users by name, as the system knows them.

In: a name or an id. Out: the other. The library behind `pwd` may ask
files, LDAP or whatever /etc/nsswitch.conf says, so it is loaded and asked only where a name is
wanted, once for each.
"""

from __future__ import annotations

from probee.errors import UsageError
from probee.frame.text import escape


def user_id(name: str) -> int:
    """The id of a user. Raises UsageError where there is no such user."""
    from pwd import getpwnam

    try:
        return getpwnam(name).pw_uid
    except (KeyError, ValueError):  # ValueError: a NUL
        raise UsageError(f"there is no user {name!r}") from None


def user_name(number: int) -> str | None:
    """The name of a user id, None where it has none."""
    from pwd import getpwuid

    try:
        return getpwuid(number).pw_name
    except (KeyError, OverflowError):
        return None


def user_text(number: int) -> str:
    """What a table shows: the name, else the number."""
    name = user_name(number)
    return str(number) if name is None else escape(name.encode("utf-8", "surrogateescape"))
