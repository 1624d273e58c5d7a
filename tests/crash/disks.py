"""A disk that is full, and room on it again: no file of a process may grow beyond a limit, until it may.

Nothing is mounted, so it needs no rights. What the system says is EFBIG in the place of ENOSPC.
"""

import resource


def full(pid: int, limit: int) -> None:
    """From here on no file that the process writes grows beyond the limit."""
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, most))


def room(pid: int) -> None:
    """Somebody has made room."""
    _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
