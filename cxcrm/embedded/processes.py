"""Children that do not outlive their parent, not even when the parent is killed with `kill -9`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1

# Loaded here because between fork and exec nothing should be loaded.
libc = ctypes.CDLL(None, use_errno=True)


def dying_with_parent(
    death_signal: signal.Signals, become: Callable[[], None] | None = None
) -> Callable[[], None]:
    """A `preexec_fn`: call `become`, then have the kernel send the signal when the parent dies.

    The kernel watches the *thread* that forks, so fork from one that lives as long as the process.
    Without effect outside Linux.
    """
    parent = os.getpid()

    def prepare_child() -> None:
        if become is not None:
            become()
        # After `become`: the kernel forgets the signal when the credentials change.
        if sys.platform == "linux" and libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        # The parent may have died before the call above; then the signal never comes.
        if os.getppid() != parent:
            os._exit(1)

    return prepare_child
