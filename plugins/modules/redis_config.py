#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_config
short_description: Manage the configuration of a host's Redis instances, in their files and while they run
version_added: 0.1.0
description:
  - Writes C(redis.conf) of every instance of the list, each in a directory of its own that its container mounts, and the directory for its unix socket.
  - Sets a running Redis to what its C(redis.conf) says, without a restart, and reads that back. What Redis reads only when it starts
    is returned in RV(restarts), for O(netmode.docker.containers#module:restarted).
  - Refuses a change that would lose data when Redis starts with it.
author:
  - The netmode.docker authors (@netmode)
extends_documentation_fragment:
  - netmode.docker.engine
attributes:
  check_mode:
    support: full
    description: Can run in check mode and return what it would change, without changing it.
  diff_mode:
    support: full
    description: Shows the lines that change. Of a secret it says that it changes, never what it is.
options:
  socket_group:
    description:
      - The group of the host, by name or number, whose members may connect to the sockets that their mode opens to the group.
        Without one root alone gets to them, unless the mode lets everybody.
    type: str
    default: ''
  image_dir:
    description:
      - Where the role copies archives of images to. What a run that was killed has left of such copies there is removed.
      - Without it no directory is looked at.
    type: path
  renewed:
    description:
      - The instances whose containers are going to be recreated or restarted, which brings their settings. Nothing is set while they run,
        but for the append-only file, which is begun by a Redis that has the data.
    type: list
    elements: str
    default: []
  replaced:
    description:
      - Those of them whose containers are going to be recreated. Their C(redis.conf) is kept beside the new one until
        M(netmode.docker.redis_deploy) has seen the new container answer; where it does not, it is put back.
    type: list
    elements: str
    default: []
  wait:
    description:
      - Seconds that the server of another image may take on a copy of the data. Each of O(replaced) that gets one is tried so,
        while the old one runs on, and is refused where it does not start, or has fewer keys in a database.
      - Copied are at most 1 GiB, where three times as much is free on the disk and twice its memory is available. What does not fit is
        returned in RV(copies), and told in a warning.
    type: float
    default: 60
  instances:
    description: The instances.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The instance's name.
        type: str
        required: true
      state:
        description:
          - V(absent) removes what was written into the directories and, where they are empty then, the directories themselves.
            What others have put there stays, and is told.
          - V(present) refuses a directory that is there and was not made here.
        type: str
        choices: [present, absent]
        default: present
      directory:
        description: The directory of C(redis.conf).
        type: path
        required: true
      socket_directory:
        description: The directory of the unix socket.
        type: path
      socket_mode:
        description: The permissions of the unix socket in octal digits. Those who may connect get through its directories.
        type: str
        default: '770'
      volume:
        description:
          - The volume of its data, by its name or as a path of the host.
          - One that another server uses is refused, whatever name it has there, and a configuration with which Redis would start
            empty beside its data.
        type: str
      uid:
        description: The number of the user that Redis runs as, the directories' owner.
        type: int
        default: 999
      gid:
        description: The number of its group.
        type: int
        default: 999
      lines:
        description: The lines of C(redis.conf), but for the secret ones.
        type: list
        elements: str
        default: []
      secrets:
        description: The lines that hold a password.
        type: list
        elements: str
        default: []
      operator:
        description:
          - Whether it gets a user C(netmode) as which this collection asks it, for a Redis whose user V(default) is off or may not do
            all that this takes. It has none of the keys, and just the commands that are sent.
          - Its password is made on the host, and is kept beside C(redis.conf) in C(.operator), a file of root's alone.
        type: bool
        default: false
      tls:
        description:
          - The certificate, written beside C(redis.conf) for its user alone, as C(tls.pem) and C(ca.pem). Its lines are among O(instances[].lines).
          - Without it what was written there before is removed.
        type: dict
        suboptions:
          pem:
            description: Certificates and key in PEM, in one file, so that there never are two that do not fit.
            type: str
            required: true
          ca:
            description: The CA certificates in PEM.
            type: str
            required: true
      unauthenticated:
        description: Set for a Redis that needs no password and is to be reached by its own host alone. One that neighbours reach is
          refused, in check mode too.
        type: dict
        suboptions:
          reason:
            description: Why it needs none.
            type: str
            required: true
          networks:
            description: The networks of its namespace, each with C(name) and, for one that is yet to be made, C(driver), C(internal),
              C(enable_ipv6) and C(driver_opts).
            type: list
            elements: dict
            required: true
          ports:
            description: Where it listens, each with C(port), C(option) that says so, and the addresses of the host where it is C(published).
            type: list
            elements: dict
            required: true
      restart_allowed:
        description: Whether it may be restarted for what Redis reads only when it starts. Without, that is returned in RV(waiting).
        type: bool
        default: true
      left:
        description: Whether it has left its cluster. Without, one that is to be absent and is a node of a cluster is refused.
        type: bool
        default: false
      replication:
        description:
          - Whom it follows. That is set where it is asked for the first time; later the role that the running Redis has counts, so that
            a failover stays, and C(redis.conf) says that one.
          - What a replica's C(redis.conf) says beside its O(instances[].lines) comes from here, and its master has the password of
            O(instances[].trial).
        type: dict
        suboptions:
          of:
            description: Its master, as it is called in messages. Empty for none.
            type: str
            default: ''
          host:
            description: The address of its master.
            type: str
            default: ''
          port:
            description: The port of its master.
            type: int
            default: 0
          announce_host:
            description: The address at which the others reach it. Empty where it is not known.
            type: str
            default: ''
          announce_port:
            description: The port at which they do.
            type: int
            default: 0
          tls:
            description: Whether it follows over TLS.
            type: bool
            default: false
          overwrite:
            description: Whether it may lose the keys that it has, to those of its master.
            type: bool
            default: false
      sentinel:
        description:
          - Of a Sentinel, as whom it asks the servers that it watches. What it has written into its C(redis.conf) itself stays, and it is
            not tried.
        type: dict
        suboptions:
          username:
            description: The user of Redis. Empty for C(default).
            type: str
            default: ''
          password:
            description: The password of that.
            type: str
            default: ''
      trial:
        description:
          - How Redis is to be tried with what is new, in a container of its own without network and data, before anything is changed.
            One that does not start is refused with the end of its log, as is one that does not answer as it is going to be asked.
          - Not in check mode, which makes no container.
        type: dict
        suboptions:
          container:
            description:
              - The container as M(netmode.docker.containers) is going to be given it. Its command ends with the path of C(redis.conf).
              - Its mounts are read-only in the trial; what its health check runs is run once.
            type: dict
            required: true
          password:
            description: With which Redis is going to be asked.
            type: str
            default: ''
"""

EXAMPLES = r"""
- name: Configure a Redis
  netmode.docker.redis_config:
    instances:
      - name: cache
        directory: /etc/netmode/redis/cache
        lines:
          - port 6379
          - maxmemory 256mb
        secrets:
          - requirepass "{{ redis_password }}"
  register: files
"""

RETURN = r"""
changes:
  description: The instances whose files were, or in check mode would be, changed.
  returned: always
  type: list
  elements: str
  sample: [cache]
interfaces:
  description: Those of the instances for which the host's record of M(netmode.docker.interfaces) has interfaces.
  returned: always
  type: list
  elements: str
  sample: [vault]
left:
  description: Of the directories of instances that are to be absent those that stay, each with what it holds.
  returned: always
  type: list
  elements: str
  sample: ['/srv/www: it holds index.html']
leftovers:
  description:
    - Containers and volumes of trials, and copies of archives in O(image_dir), that a run has left which was killed.
    - They are, or in check mode would be, removed.
  returned: always
  type: list
  elements: str
  sample: []
trials:
  description: The instances that were, or in check mode would be, tried.
  returned: always
  type: list
  elements: str
  sample: [cache]
set_live:
  description: The instances whose Redis was, or in check mode would be, set to what redis.conf says while it runs, and which directives.
  returned: always
  type: dict
  sample: {cache: [maxmemory]}
restarts:
  description: The instances that have to be restarted for what redis.conf says, and why.
  returned: always
  type: dict
  sample: {cache: 'its redis.conf says another databases, which Redis reads only when it starts'}
waiting:
  description: Those of them that may not be restarted.
  returned: always
  type: dict
  sample: {}
copies:
  description: The instances that get another image. The keys of each database that its server had on a copy of the data, or why there was none.
  returned: always
  type: dict
  sample: {cache: {keys: {'0': 1000}, why_not: ''}}
modules:
  description:
    - The modules that the images of instances load by themselves, which are written into C(redis.conf) instead.
    - The server of such an instance is to be started by C(env), as M(netmode.docker.redis_deploy) does, for its entrypoint adds
      nothing to that.
  returned: always
  type: dict
  sample: {cache: [/usr/local/lib/redis/modules/redisearch.so]}
others:
  description: The containers of the host that the module M(netmode.docker.containers) has not made.
  returned: always
  type: list
  elements: str
  sample: [web]
volumes:
  description: The named volumes of the instances that are yet to be made.
  returned: always
  type: list
  elements: str
  sample: [cache-data]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.netmode.docker.plugins.module_utils._compose.module import checked
from ansible_collections.netmode.docker.plugins.module_utils._engine.client import ENGINE_ARGUMENTS
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._redis.copied import warnings
from ansible_collections.netmode.docker.plugins.module_utils._redis.look import waits
from ansible_collections.netmode.docker.plugins.module_utils._redis.reconcile import reconcile
from ansible_collections.netmode.docker.plugins.module_utils._redis.spec import ARGUMENTS


def main() -> None:
    module = AnsibleModule(
        argument_spec=checked(
            {
                **ENGINE_ARGUMENTS,
                **ARGUMENTS,
            }
        ),
        supports_check_mode=True,
    )
    try:
        result = reconcile(module.params, check_mode=module.check_mode)
    except NetmodeError as error:
        module.fail_json(msg=str(error))
    for why in result["left"]:
        module.warn(f"{why}, which was not made here, and stays.")
    for why in [*waits(result), *warnings(result["copies"])]:
        module.warn(why)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
