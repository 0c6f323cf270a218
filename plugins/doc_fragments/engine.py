# SPDX-License-Identifier: GPL-3.0-or-later
"""Options shared by every module that talks to the Docker Engine."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - Where the Docker Engine of this very host listens, V(unix:///path) or V(tcp://127.0.0.1:port).
      - What is read from the kernel is read on the host that the module runs on, so an engine elsewhere would be joined
        with the wrong kernel.
    type: str
    default: unix:///var/run/docker.sock
  timeout:
    description: How long to wait for one answer of the engine, in seconds, 1 to 86400.
    type: int
    default: 60
"""
