# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules document alike: the options of who talks to the Docker Engine or takes a plan, and of who only reads."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - Where the Docker Engine of this very host listens, V(unix:///path) or V(tcp://127.0.0.1:port).
      - Where it is not given, E(DOCKER_HOST) of the module's environment counts; contexts of
        Docker's command line do not.
      - What is read from the kernel is read on the host that the module runs on, so an engine of another host, also one
        behind a tunnel, a rootless one and Podman are refused before anything is changed.
    type: str
    default: unix:///var/run/docker.sock
  timeout:
    description: How long to wait for one answer of the engine, in seconds, 1 to 86400.
    type: int
    default: 60
"""

    READ_ONLY = r"""
attributes:
  check_mode:
    description: Runs in check mode as it does otherwise, for it changes nothing.
    support: full
  diff_mode:
    description: Returns what a task changed.
    support: none
"""

    PLAN = r"""
options:
  plan:
    description:
      - The instances, as P(netmode.docker.redis_plan#filter) returns them in C(parts).
    type: dict
    required: true
"""
