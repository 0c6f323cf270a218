# SPDX-License-Identifier: GPL-3.0-or-later
"""The network namespaces of the host and of containers, and the programs that are run in them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._kernel.namespaces import OWN_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .commands import Command

    Batch = Callable[["Spaces", str, list[Command]], tuple[int, str]]


class Spaces:
    """The network namespaces of the host and of containers, held open: no PID can come to mean another one."""

    def __init__(self) -> None:
        self.host = os.open(OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
        self.of: dict[str, int] = {}

    def pin(self, container_id: str, pid: int) -> int | None:
        """None if the container has ended meanwhile."""
        if container_id not in self.of:
            try:
                self.of[container_id] = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            except (FileNotFoundError, ProcessLookupError):
                return None
        return self.of[container_id]

    def __enter__(self) -> Spaces:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in (self.host, *self.of.values()):
            os.close(descriptor)


def process(argv: list[str], given: str, kept: tuple[int, ...]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(argv, input=given, capture_output=True, text=True, pass_fds=kept, check=False, timeout=60)
    except FileNotFoundError as error:
        package = "util-linux" if argv[0] == "nsenter" else "iproute2"
        raise NetmodeError(f"interfaces: {argv[0]} is not on this host. Install its package {package}.") from error
    except subprocess.TimeoutExpired as error:
        raise NetmodeError(f"interfaces: {' '.join(argv)} did not end within 60 s.") from error
