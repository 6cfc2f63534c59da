"""A small disk for PostgreSQL that can be full: a tmpfs where we may mount one, else a quota on its files.

Mounting needs root. Without it the node's processes are our own, and may be told that no file grows beyond
a limit; what a server meets is the same, a write that does not fit.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.node import Node

ROOMY_MIB = 1500
QUOTA_BYTES = 8192
LIMIT_SECONDS = 10
# Waits for the end of its input, which comes with ours, however we end: no disk is left mounted.
_UNDERTAKE = 'read -r word; umount --lazy "$1"; rm -rf "$1"'


@contextmanager
def small_disk(node: Node) -> Iterator[None]:
    """The folder of a node that has not started yet is a disk of its own, where that can be."""
    if os.geteuid() != 0 or not _mount("-t", "tmpfs", "-o", f"size={ROOMY_MIB}m", "tmpfs", str(node.home)):
        yield
        return
    undertaker = subprocess.Popen(
        ["sh", "-c", _UNDERTAKE, "sh", str(node.home)], stdin=subprocess.PIPE, start_new_session=True
    )
    os.chown(node.home, node.user.uid, node.user.gid)
    try:
        yield
    finally:
        undertaker.communicate()


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


def _resize(home: Path, size: str) -> bool:
    return _mount("-o", f"remount,size={size}", str(home))


@contextmanager
def full(node: Node) -> Iterator[str]:
    """Nothing more fits while inside; says by what means."""
    if os.path.ismount(node.home):
        deadline = time.monotonic() + LIMIT_SECONDS
        while not _resize(node.home, str(_used_bytes(node.home))):  # it was written to in between
            assert time.monotonic() < deadline, "the disk does not hold still"
        try:
            yield "tmpfs"
        finally:
            assert _resize(node.home, f"{ROOMY_MIB}m")
        return
    _limit_files(node, QUOTA_BYTES)
    try:
        yield "quota"
    finally:
        _limit_files(node, resource.RLIM_INFINITY)


def _used_bytes(folder: Path) -> int:
    figures = os.statvfs(folder)
    return (figures.f_blocks - figures.f_bfree) * figures.f_frsize


def _limit_files(node: Node, most_bytes: int) -> None:
    for process in node.processes():
        try:
            _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most_bytes, hard))
        except ProcessLookupError:
            continue  # a backend that has ended since
