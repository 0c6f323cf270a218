# SPDX-License-Identifier: GPL-3.0-or-later
"""A neighbour of the host: a machine with a route to it, in a network namespace of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab import Host

OURS, THEIRS, OURS6, THEIRS6 = "192.168.77.1", "192.168.77.2", "fd00:77:77::1", "fd00:77:77::2"
ALSO_THEIRS, ALSO_THEIRS6 = "192.168.77.3", "fd00:77:77::3"
SET_UP = f"""
set -e
ip netns add neighbour
ip link add nbhost type veth peer name nb0 netns neighbour
sysctl -qw net.ipv6.conf.nbhost.disable_ipv6=0 net.ipv6.conf.lo.disable_ipv6=0
ip address add {OURS}/24 dev nbhost; ip address add {OURS6}/64 dev nbhost nodad; ip link set nbhost up
theirs() {{ ip netns exec neighbour "$@"; }}
theirs sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.conf.nb0.route_localnet=1 net.ipv6.conf.nb0.disable_ipv6=0
theirs ip address add {THEIRS}/24 dev nb0; theirs ip address add {THEIRS6}/64 dev nb0 nodad; theirs ip link set nb0 up
theirs ip address add {ALSO_THEIRS}/24 dev nb0; theirs ip address add {ALSO_THEIRS6}/64 dev nb0 nodad
theirs ip route add default via {OURS}; theirs ip -6 route add default via {OURS6}
theirs ip route add 127.0.0.1 via {OURS}
"""
PROBE = """
import json, socket, sys
found = []
for address, port in json.loads(sys.argv[1]):
    try:
        with socket.create_connection((address, port), 0.4, (sys.argv[2], 0) if sys.argv[2] else None) as wire:
            wire.sendall(b"PING\\r\\n")
            found += [address] if wire.recv(100).startswith(b"+PONG") else []
    except OSError:
        pass
print(json.dumps(found))
"""


TAKE_DOWN = "ip link delete nbhost; ip netns delete neighbour"
WITHIN = ("ip", "netns", "exec", "neighbour")


def asked(host: Host, at: list[list[Any]], *within: str, source: str = "") -> list[str]:
    """Of (address, port) those at which a Redis answers to who asks ``within``, from ``source``."""
    found: list[str] = json.loads(host.run(*within, "python3", "-c", PROBE, json.dumps(at), source).stdout)
    return found
