#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_ping
short_description: Is a Redis reachable from this host, and what answers
version_added: 0.1.0
description:
  - Asks each endpoint once with V(PING) and V(INFO), over TCP or a unix socket, from the host that the module runs on.
  - All endpoints are asked at the same time, so the task takes as long as the slowest of them and no longer than
    O(timeout).
  - An endpoint that does not answer is a result, not a failure, unless O(endpoints[].expect) says otherwise.
  - It needs neither redis-cli nor a Python library on the host, and it changes nothing.
author:
  - The netmode.docker authors (@netmode)
attributes:
  check_mode:
    support: full
    description: Can run in check mode and does the same there, since it only reads.
  diff_mode:
    support: none
    description: There is nothing to show a difference of.
options:
  endpoints:
    description: What to ask. Each has either O(endpoints[].host) or O(endpoints[].socket).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The key of its answer in RV(endpoints). No two endpoints may have the same.
        type: str
        required: true
      host:
        description: An address or a name, as this host resolves it.
        type: str
      port:
        description: The TCP port.
        type: int
        default: 6379
      socket:
        description: The path of a unix socket on this host.
        type: path
      username:
        description: The user of Redis' access control lists. Without it the password is that of the user V(default).
        type: str
      password:
        description:
          - Sent by AUTH. It appears in no output.
          - Whoever listens at an address is sent it. Where that may be another, ask without it, with O(endpoints[].witness).
          - Over a socket it goes to a process of O(endpoints[].container) alone; where that is not given, to root, to the user
            that the module runs as, and to the user to whom the directories of the socket belong, if no other may write to them.
        type: str
      witness:
        description:
          - The name of another endpoint, with a O(endpoints[].socket). The Redis behind that is asked whether it sees this
            connection, so that RV(endpoints.seen) tells without a password whether they are one.
        type: str
      expect:
        description:
          - What must be the case, or the module fails and names every endpoint for which it is not.
          - V(pong) is the answer PONG; V(reachable) is any answer of a Redis, also V(NOAUTH) or V(LOADING);
            V(unreachable) is no answer of a Redis.
        type: str
        choices: [pong, reachable, unreachable]
      container:
        description:
          - The container that it runs in, by its name or id, where that is on this host.
          - Nothing is sent over a socket to a process that is not the container's.
          - When the endpoint is not as O(endpoints[].expect) says, the failure quotes the end of its log.
        type: str
      neighbours:
        description:
          - Whether to look for how neighbours of this host, machines with a route to it, reach what listens in
            O(endpoints[].container), for a O(endpoints[].socket) that answers. It says so in RV(endpoints.neighbours).
          - Judged by what the engine lets through and by the policy of the host's chain C(FORWARD). Rules that others made are
            not looked at.
        type: bool
        default: false
  docker_host:
    description: >-
      Where the Docker Engine of this host listens, which is asked for the log of O(endpoints[].container). Where it is not
      given, E(DOCKER_HOST) of the module's environment counts.
    type: str
    default: unix:///var/run/docker.sock
  timeout:
    description: Seconds that one endpoint may take, from connecting to its last reply.
    type: float
    default: 3
  wait:
    description:
      - Seconds to go on asking the endpoints that are not yet as O(endpoints[].expect) says, such as a Redis that is
        still loading its data.
    type: float
    default: 0
seealso:
  - module: netmode.docker.network_facts
"""

EXAMPLES = r"""
- name: Who answers where
  netmode.docker.redis_ping:
    endpoints:
      - name: over the container's address
        host: 172.17.0.2
      - name: over the published port
        host: 127.0.0.1
        port: 6379
        password: "{{ redis_password | default(omit) }}"
      - name: over the socket
        socket: /var/lib/docker/volumes/redis-none-run/_data/redis.sock
  register: answers

- name: Wait up to a minute for Redis to have loaded its data
  netmode.docker.redis_ping:
    wait: 60
    endpoints:
      - {name: redis, host: 127.0.0.1, expect: pong, container: redis}
"""

RETURN = r"""
endpoints:
  description: One answer for each endpoint, by its name, in the order asked.
  returned: always
  type: dict
  sample:
    over the container's address:
      where: 172.17.0.2:6379
      reachable: true
      answer: PONG
      authenticated: false
      error: null
      ms: 0.6
      server:
        redis_version: 7.0.15
        redis_mode: standalone
        role: master
        run_id: 0f2a4e8ad12f6f2b8b8f6a3c9a5e0d9b1c7e4f60
        tcp_port: '6379'
      listens: null
      seen: null
      neighbours: null
  contains:
    where:
      description: The address or path that was asked.
      type: str
      returned: always
      sample: 172.17.0.2:6379
    reachable:
      description: Whether a Redis answered, whatever it answered.
      type: bool
      returned: always
      sample: true
    answer:
      description:
        - The answer to PING, V(PONG) or Redis' error text; that to AUTH when the password was refused.
        - The first line of whatever else listens there when RV(endpoints.error) is V(not redis). Null where nothing
          answered.
      type: str
      returned: always
      sample: PONG
    authenticated:
      description: Whether a password was sent and accepted.
      type: bool
      returned: always
      sample: false
    server:
      description:
        - What Redis says of itself, null where it is not allowed to be read. Valkey adds C(server_name) and
          C(valkey_version).
      type: dict
      returned: always
      sample: {redis_version: 7.0.15, redis_mode: standalone, role: master}
    listens:
      description:
        - Of a socket, the addresses at which its server listens for TCP, as the kernel says. Null for who is not root, and for
          an address.
      type: list
      elements: str
      returned: always
      sample: ['0.0.0.0:6379', '[::]:6379']
    seen:
      description: Whether the Redis of O(endpoints[].witness) sees this connection. Null without one, and where it does not say.
      type: bool
      returned: always
      sample: true
    neighbours:
      description:
        - Each reason why neighbours reach it, none where they do not. Null where that was not asked for, where nothing answered,
          and for who is not root.
      type: list
      elements: str
      returned: always
      sample: ['port 6379 of the container is published at 0.0.0.0 of the host']
    ms:
      description: Milliseconds from connecting to the last reply or to the error.
      type: float
      returned: always
      sample: 0.6
    error:
      description:
        - Why nothing answered, one of V(refused), V(timeout), V(no route), V(no socket), V(permission denied),
          V(unknown host), V(closed), V(not redis), or the system's own words. Null where a Redis answered.
        - Of a socket also V(not a process of its container) and V(in a directory that others may write to), of one that is given
          a password without O(endpoints[].container). Nothing was sent then.
      type: str
      returned: always
      sample: refused
"""

import re
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS, Engine
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError
from ansible_collections.netmode.docker.plugins.module_utils._redis.log import last_lines
from ansible_collections.netmode.docker.plugins.module_utils._redis.neighbours import reached
from ansible_collections.netmode.docker.plugins.module_utils._redis.protocol import (
    Endpoint,
    ping_until,
    refuse_odd_times,
    unmet,
)

_NOT_ASKED_WITH = ("expect", "container", "witness", "neighbours")
_FULL_ID = re.compile(r"[0-9a-f]{64}")
WAY_OUT = (
    "Mend what it names and run this again: the data is on its volume. Where it names nothing, Redis may need more "
    "time (wait, which is redis_start_timeout in the role redis)."
)


def _endpoints(given: list[dict[str, Any]], params: dict[str, Any]) -> list[Endpoint]:
    found: dict[str, Endpoint] = {}
    ids = _ids([item["container"] for item in given if item["socket"] and item["container"]], params)
    for item in given:
        name = item["name"]
        if name in found:
            raise NetmodeError(f"endpoints: two of them have the name {name!r}. Give each a name of its own.")
        if item["username"] and item["password"] is None:
            raise NetmodeError(f"endpoint {name}: username without a password. Add password, or leave both out.")
        how = {key: value for key, value in item.items() if key not in _NOT_ASKED_WITH}
        found[name] = Endpoint(**how, container=ids.get(item["container"]) if item["socket"] else None)
    return [_with_witness(found[item["name"]], item["witness"], found) for item in given]


def _ids(named: list[str], params: dict[str, Any]) -> dict[str, str]:
    """The id of each container; '' for one that is not there, which has no process."""
    found = {name: name for name in named if _FULL_ID.fullmatch(name)}
    asked = sorted(set(named) - set(found))
    if asked:
        engine = Engine(params["docker_host"], ENGINE_ARGUMENTS["timeout"]["default"])
    for name in asked:
        found[name] = ""
        with suppress(NotFoundError):
            found[name] = engine.get(f"/containers/{quote(name, safe='')}/json")["Id"]
    return found


def _with_witness(endpoint: Endpoint, named: str | None, found: dict[str, Endpoint]) -> Endpoint:
    if not named:
        return endpoint
    if named not in found or not found[named].socket:
        raise NetmodeError(
            f"endpoint {endpoint.name}: witness: {named!r} is not the name of an endpoint with a socket."
        )
    return replace(endpoint, witness=found[named])


def _look_for_neighbours(
    endpoints: list[Endpoint], names: list[str], results: dict[str, dict[str, Any]], params: dict[str, Any]
) -> None:
    asked = {one.name: str(one.container) for one in endpoints if one.name in names}
    listens = {asked[name]: results[name]["listens"] for name in asked if results[name]["listens"] is not None}
    found = reached(Engine(params["docker_host"], ENGINE_ARGUMENTS["timeout"]["default"]), listens) if listens else {}
    for name, result in results.items():
        result["neighbours"] = found.get(asked.get(name, ""))


def _logs(endpoints: list[dict[str, Any]], params: dict[str, Any]) -> list[str]:
    """The end of the log of each container among them, and what to do with it."""
    containers = dict.fromkeys(item["container"] for item in endpoints if item["container"])
    if not containers:
        return []
    try:
        engine = Engine(params["docker_host"], ENGINE_ARGUMENTS["timeout"]["default"])
    except NetmodeError as error:
        return [str(error)]
    return [*(last_lines(engine, name) for name in containers), WAY_OUT]


def _seen(name: str, expected: str | None, result: dict[str, Any]) -> str:
    return f"{name} ({result['where']}): expected {expected}, observed {result['error'] or result['answer']}"


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked(
            {
                "endpoints": {
                    "type": "list",
                    "elements": "dict",
                    "required": True,
                    "options": {
                        "name": {"type": "str", "required": True},
                        "host": {"type": "str"},
                        "port": {"type": "int", "default": 6379},
                        "socket": {"type": "path"},
                        "username": {"type": "str"},
                        "password": {"type": "str", "no_log": True},
                        "witness": {"type": "str"},
                        "expect": {"type": "str", "choices": ["pong", "reachable", "unreachable"]},
                        "container": {"type": "str"},
                        "neighbours": {"type": "bool", "default": False},
                    },
                    "mutually_exclusive": [("host", "socket")],
                    "required_one_of": [("host", "socket")],
                    "required_if": [("neighbours", True, ("socket", "container"))],
                },
                "docker_host": ENGINE_ARGUMENTS["docker_host"],
                "timeout": {"type": "float", "default": 3},
                "wait": {"type": "float", "default": 0},
            }
        ),
        supports_check_mode=True,
    )
    given = module.params["endpoints"]
    expected = {item["name"]: item["expect"] for item in given}
    try:
        refuse_odd_times(module.params["timeout"], module.params["wait"])
        endpoints = _endpoints(given, module.params)
        results = ping_until(endpoints, expected, module.params["timeout"], module.params["wait"])
        _look_for_neighbours(endpoints, [item["name"] for item in given if item["neighbours"]], results, module.params)
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    wrong = [name for name, result in results.items() if unmet(expected[name], result)]
    if wrong:
        seen = [_seen(name, expected[name], results[name]) for name in wrong]
        logs = _logs([item for item in given if item["name"] in wrong], module.params)
        module.fail_json(msg="\n".join(["; ".join(seen), *logs]), endpoints=results)
    module.exit_json(changed=False, endpoints=results)


if __name__ == "__main__":
    main()
