# SPDX-License-Identifier: GPL-3.0-or-later
"""O26: a run that is killed at any of its calls of the system: the next is right, and nothing of the first is left."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from check_subjects import AT, FILES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Host

Json = dict[str, Any]
CALLS = (
    "open",
    "write",
    "fsync",
    "fchown",
    "fchmod",
    "chown",
    "chmod",
    "mkdir",
    "replace",
    "rename",
    "unlink",
    "rmdir",
)
ENTRY = {"lines": ["port 6379"], "secrets": ["requirepass one"]}


@pytest.fixture
def clean(host: Host) -> Iterator[Host]:
    host.sh("rm -rf /etc/netmode /var/lib/nmt-check")
    yield host
    host.sh("rm -rf /etc/netmode /var/lib/nmt-check")


def killed_at(number: int, params: Json) -> bool:
    """Whether a run in a process of its own was killed at its call ``number``; else it came to its end before."""
    child = os.fork()
    if child == 0:
        left = number

        def counted(call: Any) -> Any:
            def run(*args: Any, **options: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **options)

            return run

        for name in CALLS:
            setattr(os, name, counted(getattr(os, name)))
        try:
            FILES.run(params, check_mode=False)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"it failed at {number}"
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("after", ["nothing", "another configuration", "removal"])
def test_o26_a_write_that_is_killed_at_any_point_is_put_right_by_the_next(clean: Host, every: int, after: str) -> None:
    params = FILES.params({**ENTRY, "state": "absent"} if after == "removal" else ENTRY)
    number, killed = 1, True
    while killed:
        clean.sh("rm -rf /etc/netmode /var/lib/nmt-check")
        if after != "nothing":
            FILES.run(FILES.params({"lines": ["port 7000"]}), check_mode=False)
        killed = killed_at(number, params)
        conf = Path(AT, "cache", "redis.conf")
        if conf.exists():
            assert conf.read_text().endswith(("port 7000\n", "requirepass one\n")), f"half a file at {number}"
        FILES.run(params, check_mode=False)
        again = FILES.run(params, check_mode=True)
        assert again["changed"] is False, number
        names = sorted(path.name for path in Path(AT).rglob("*")) if Path(AT).exists() else []
        assert names == ([] if after == "removal" else ["cache", "redis.conf"]), number
        number += every
    assert number > 2 * every, "nothing was killed"


def test_o26_copies_of_archives_that_a_killed_run_left_go_and_others_stay(clean: Host) -> None:
    at = Path(AT, "images")
    at.mkdir(parents=True)
    ours = [f"netmode-{'1' * 16}.tar", f".ansible_tmpab_c9xyznetmode-{'0' * 16}.tar"]
    others = [
        "netmode-mine.tar",
        f"netmode-{'1' * 16}.tar.gz",
        f".ansible_tmpab_c9xyznotes-{'0' * 16}.tar",
        "redis.tar",
    ]
    for name in ours + others:
        (at / name).write_text("half")
    stranger = at / f"netmode-{'2' * 16}.tar"
    stranger.write_text("another user's")
    os.chown(stranger, 1234, 1234)
    (at / f"netmode-{'3' * 16}.tar").symlink_to("/etc/hosts")
    kept = sorted([*others, stranger.name, f"netmode-{'3' * 16}.tar"])
    said = FILES.run(FILES.params(ENTRY), check_mode=True)
    assert said["leftovers"] == sorted(f"{at}/{name}" for name in ours)
    assert FILES.run(FILES.params(ENTRY), check_mode=False)["leftovers"] == said["leftovers"]
    assert sorted(path.name for path in at.iterdir()) == kept
    assert FILES.run(FILES.params(ENTRY), check_mode=True)["changed"] is False
