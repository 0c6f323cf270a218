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
      password_file:
        description: A file on this host with the password instead. One that is not there has an empty one.
        type: path
      witness:
        description:
          - The name of another endpoint, with a O(endpoints[].socket). The Redis behind that is asked whether it sees this
            connection, so that RV(endpoints.seen) tells without a password whether they are one.
        type: str
      expect:
        description:
          - What must be the case, or the module fails and names every endpoint for which it is not.
          - V(pong) is the answer PONG; V(linked) is PONG and, of a replica, that its link to its master is up.
          - V(reachable) is any answer of a Redis, also V(NOAUTH) or V(LOADING);
            V(unreachable) is no answer of a Redis.
        type: str
        choices: [pong, linked, reachable, unreachable]
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
      timeout:
        description: Seconds that this endpoint may take, where that is less than O(timeout).
        type: float
      tls:
        description: Whether to ask O(endpoints[].host) over TLS. A unix socket speaks none.
        type: bool
        default: false
      validate_certs:
        description: Whether the certificate has to be of a CA of O(endpoints[].ca_certs) and for O(endpoints[].server_name).
        type: bool
        default: true
      ca_certs:
        description: The CA certificates that are trusted, a file in PEM on this host or the text itself. Without it those of the host are.
        type: str
      server_name:
        description: Whom the certificate has to be for, a name or an address. Without it O(endpoints[].host).
        type: str
      client_cert_file:
        description: A certificate to show, for a Redis that needs one of its clients. A file in PEM on this host.
        type: path
      client_key_file:
        description: Its key. Without it that is in O(endpoints[].client_cert_file) too.
        type: path
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

- name: Ask over TLS, and see until when the certificate is valid
  netmode.docker.redis_ping:
    endpoints:
      - name: redis
        host: 127.0.0.1
        tls: true
        ca_certs: /etc/ssl/certs/ca-certificates.crt
  register: over_tls
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
      open_users: null
      listens: null
      seen: null
      neighbours: null
      certificate: null
      replication: {role: master, master: null, link: null, offset: 0, replicas: [], slots: []}
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
    open_users:
      description:
        - Of a socket that was given a password, the users that need none, as ACL LIST says. Null where that is not asked or said.
      type: list
      elements: str
      returned: always
      sample: []
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
    certificate:
      description: Of a Redis that spoke TLS, what it has shown. Null for a plain connection.
      type: dict
      returned: always
      sample: {sha256: 5f0c6de8c25d0f2c3c8f1c2d3b4a5968778695a4b3c2d1e0f1e2d3c4b5a69788, not_after: 'Nov 26 15:00:00 2027 GMT'}
      contains:
        sha256:
          description: Its fingerprint, as C(openssl x509 -fingerprint -sha256) computes it.
          type: str
          returned: always
        not_after:
          description: Until when it is valid. Null where O(endpoints[].validate_certs) is false.
          type: str
          returned: always
    replication:
      description: What it says of its role. Null where it says nothing.
      type: dict
      returned: always
      sample: {role: replica, master: '10.0.0.1:6379', link: up, offset: 5614, replicas: [], slots: []}
      contains:
        role:
          description: V(master) or V(replica).
          type: str
          returned: always
        master:
          description: Whom a replica follows, else null.
          type: str
          returned: always
        link:
          description: Of a replica V(up), V(syncing) while it copies the data, or V(down); else null.
          type: str
          returned: always
        offset:
          description: Bytes of the stream of writes that it has written, or has of its master.
          type: int
          returned: always
        replicas:
          description: Who follows it, each with C(address) as it is announced, C(state), C(offset) and C(lag) in seconds.
          type: list
          elements: dict
          returned: always
        slots:
          description:
            - The slots of a cluster that it serves, as ranges such as V(0-5461). Asked for at its socket alone.
          type: list
          elements: str
          returned: always
    ms:
      description: Milliseconds from connecting to the last reply or to the error.
      type: float
      returned: always
      sample: 0.6
    error:
      description:
        - Why nothing answered, one of V(refused), V(timeout), V(no route), V(no socket), V(permission denied),
          V(unknown host), V(closed), V(not redis), or the system's own words. Null where a Redis answered.
        - Over TLS also V(no TLS) of what speaks none, and V(certificate refused) with the reason.
        - Of a socket also V(not a process of its container) and V(in a directory that others may write to), of one that is given
          a password without O(endpoints[].container). Nothing was sent then.
      type: str
      returned: always
      sample: refused
"""


from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis.ask import ENDPOINT_ARGUMENTS, ask, failures


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked(
            {
                "endpoints": {
                    "type": "list",
                    "elements": "dict",
                    "required": True,
                    "options": ENDPOINT_ARGUMENTS,
                    "mutually_exclusive": [("host", "socket"), ("password", "password_file")],
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
    given, docker_host = module.params["endpoints"], module.params["docker_host"]
    try:
        results = ask(given, docker_host, module.params["timeout"], module.params["wait"])
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    wrong = failures(given, results, docker_host)
    if wrong:
        module.fail_json(msg="\n".join(wrong), endpoints=results)
    module.exit_json(changed=False, endpoints=results)


if __name__ == "__main__":
    main()
