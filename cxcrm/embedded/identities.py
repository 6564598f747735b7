"""Under which identity PostgreSQL runs, since it refuses to run as root."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cxcrm.embedded.processes import dying_with_parent, libc

CLONE_NEWUSER = 0x10000000
UID_INSIDE_NAMESPACE = 1000


@dataclass(frozen=True)
class Identity:
    """`become` runs in the child between fork and exec; `uid` and `gid` own the child's files."""

    name: str
    uid: int
    gid: int
    become: Callable[[], None]

    def can_run(self, program: Path, directory: Path) -> bool:
        """Whether the identity can be taken on here and reaches the program and the directory."""

        def become_and_enter() -> None:
            self.become()
            os.chdir(directory)

        try:
            probe = subprocess.run(
                [program, "--version"],
                preexec_fn=dying_with_parent(signal.SIGKILL, become_and_enter),
                capture_output=True,
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return probe.returncode == 0

    def give(self, path: Path) -> None:
        """Make the identity the owner of everything below `path`, where it is not yet."""
        if path.stat().st_uid == self.uid:
            return
        for folder, _, files in os.walk(path):
            for entry in (folder, *(os.path.join(folder, file) for file in files)):
                os.chown(entry, self.uid, self.gid, follow_symlinks=False)


def own_identity() -> Identity:
    return Identity("yourself", os.getuid(), os.getgid(), lambda: None)


def namespace_identity() -> Identity:
    """An ordinary user inside a user namespace of its own, root outside.

    Nothing has to be given away: the files stay root's, and a checkout under /root is reachable.
    """
    uid, gid = os.getuid(), os.getgid()

    def enter_namespace() -> None:
        if libc.unshare(CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")
        # The kernel lets a gid be mapped only once setgroups is denied.
        for name, content in (
            ("setgroups", "deny"),
            ("uid_map", f"{UID_INSIDE_NAMESPACE} {uid} 1"),
            ("gid_map", f"{UID_INSIDE_NAMESPACE} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(content)

    return Identity("a user namespace", uid, gid, enter_namespace)


def nobody_identity() -> Identity:
    user = pwd.getpwnam("nobody")

    def become_nobody() -> None:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)

    return Identity("the user nobody", user.pw_uid, user.pw_gid, become_nobody)


def possible_identities() -> Iterable[Identity]:
    """The identities to try, best first."""
    if os.getuid() != 0:
        yield own_identity()
        return
    yield namespace_identity()
    try:
        yield nobody_identity()
    except KeyError:
        return


def choose_identity(
    identities: Iterable[Identity], program: Path, directory: Path
) -> Identity | None:
    """The first identity that works on this machine, or None."""
    return next((each for each in identities if each.can_run(program, directory)), None)
