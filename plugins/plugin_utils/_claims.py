# SPDX-License-Identifier: GPL-3.0-or-later
"""What each network mode claims of a Redis, held against what the kernel, the engine and Redis itself say.

Pure: (facts of one host, answers of redis_ping, wanted instances) -> claims. The facts come from the module
network_facts; the answers are those to ``_redis_ways.endpoints``, which says what has to be asked for the proof.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.plugin_utils._redis_ways import (
    Facts,
    Instance,
    Way,
    bare,
    bridge_named,
    container_of,
    key_of,
    owner_of,
    ways,
)

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._interfaces_spec import Interface

Pings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Claim:
    """One line of the proof."""

    host: str
    instance: str
    claim: str
    expected: str
    observed: str
    ok: bool


def _peer(veth: Any) -> tuple[Any, Any]:
    return (veth.get("container"), veth.get("interface")) if isinstance(veth, Mapping) else (None, None)


def _engines_address(configured: Mapping[str, Any]) -> str | None:
    """The address of a bridge that follows from what the engine was configured with, None if it says nothing."""
    if not configured.get("subnet"):
        return None
    subnet = ipaddress.ip_network(configured["subnet"], strict=False)
    return f"{configured.get('gateway') or subnet[1]}/{subnet.prefixlen}"


class _Proof:
    """Collects the claims of one instance."""

    def __init__(self, host: str, facts: Facts, pings: Pings, instance: Instance) -> None:
        self.host = host
        self.facts = facts
        self.pings = pings
        self.instance = instance
        self.container = container_of(facts, instance.name)
        self.claims: list[Claim] = []

    def claim(self, claim: str, expected: str, observed: str, *, ok: bool | None = None) -> None:
        holds = expected == observed if ok is None else ok
        self.claims.append(Claim(self.host, self.instance.name, claim, expected, observed, holds))

    # --- what is said of every instance -----------------------------------------------------------------------------

    def prove(self) -> list[Claim]:
        instance = self.instance
        status = self.container.get("status") or "no such container"
        if instance.state == "absent":
            self.claim("there is no such container", "no such container", status)
            return self.claims
        if instance.state == "stopped":
            self.claim("the container does not run", "not running", status, ok=status in ("exited", "created"))
            return self.claims
        self.claim("the container runs", "running", status)
        if status != "running":
            return self.claims
        {"bridge": self.bridge, "container": self.shared, "host": self.on_host, "none": self.isolated}[instance.mode]()
        self.answers()
        return self.claims

    def answers(self) -> None:
        asked = ways(self.facts, self.instance)
        for way in asked:
            answer = self.pings.get(key_of(self.instance, way)) or {}
            told = str(answer.get("answer") or answer.get("error") or "not asked")
            if way.pong:
                self.claim(way.label, "PONG", told)
            elif not way.with_password:
                self.claim(way.label, "NOAUTH", told, ok=told.startswith("NOAUTH"))
            else:
                self.nobody(way, answer, told)
        self.one_and_the_same(asked)

    def run_ids(self, asked: Sequence[Way]) -> list[str]:
        """The run id behind every address where it must answer, as far as it says one; the socket's, its own, first."""
        wanted = sorted((way for way in asked if way.pong), key=lambda way: way.socket is None)
        answers = [self.pings.get(key_of(self.instance, way)) or {} for way in wanted]
        return [str(answer["server"]["run_id"]) for answer in answers if (answer.get("server") or {}).get("run_id")]

    def one_and_the_same(self, asked: Sequence[Way]) -> None:
        """A published port could as well lead to another Redis: the run id tells them apart."""
        found = self.run_ids(asked)
        if len(found) > 1:
            observed = "run id " + ", ".join(dict.fromkeys(run_id[:8] for run_id in found))
            # Nothing is published in host mode: a port of the host that is its own is one of the host's namespace.
            label = {
                "host": "it has no namespace of its own: the host's port and its socket are one Redis",
                "container": "its donor's address and its socket are one Redis",
            }.get(self.instance.mode, "all of its addresses are one Redis")
            self.claim(label, f"run id {found[0][:8]}", observed, ok=len(set(found)) == 1)

    def nobody(self, way: Way, answer: Mapping[str, Any], told: str) -> None:
        """Either nothing answers, or what answers there is another Redis than the one behind the socket."""
        own = self.run_ids(ways(self.facts, self.instance))
        other = (answer.get("server") or {}).get("run_id")
        if not answer.get("reachable"):
            unreachable = bool(answer.get("error"))
            self.claim(way.label, told if unreachable else "an error", told, ok=unreachable)
        elif other and own and other != own[0]:
            self.claim(way.label, f"not run id {own[0][:8]}", f"another Redis, run id {str(other)[:8]}", ok=True)
        elif told.startswith(("WRONGPASS", "NOAUTH")) and own:
            self.claim(way.label, f"not run id {own[0][:8]}", "another Redis, with another password", ok=True)
        else:
            self.claim(way.label, "no answer", told, ok=False)

    # --- the four modes ---------------------------------------------------------------------------------------------

    def bridge_of(self, network: str) -> Mapping[str, Any] | None:
        """The bridge that carries a network, whatever the container's veth is plugged into."""
        bridges: Mapping[str, Mapping[str, Any]] = self.facts.get("bridges") or {}
        return next((bridge for bridge in bridges.values() if bridge.get("network") == network), None)

    def bridge(self) -> None:
        self.claim("it is in bridge mode", "bridge", str(self.container.get("mode")))
        gateways = []
        for network in self.instance.networks:
            interface = next(
                (item for item in self.container.get("interfaces") or [] if item.get("network") == network), None
            )
            if interface is None:
                self.claim(f"it has an interface on the network {network}", "an interface", "none")
                continue
            bridge = self.bridge_of(network)
            if bridge is None:
                self.claim(f"a bridge of the host carries the network {network}", "a bridge", "none")
                continue
            name = str(bridge["name"])
            self.bridge_address(name, bridge)
            self.peer(name, bridge, interface)
            gateways += [(name, bare(address)) for address in bridge.get("ipv4") or []]
        self.gateway(gateways)

    def peer(self, name: str, bridge: Mapping[str, Any], interface: Mapping[str, Any]) -> None:
        """Read from the bridge's end: its ports whose peer is this very interface."""
        veths = self.facts.get("veths") or {}
        wanted = (self.instance.name, interface["name"])
        ports = [port for port in bridge.get("ports") or [] if _peer(veths.get(port)) == wanted]
        observed = ", ".join(ports) or "none"
        self.claim(
            f"one veth of {name} is the peer of its {interface['name']}", "one veth", observed, ok=len(ports) == 1
        )

    def gateway(self, gateways: Sequence[tuple[str, str]]) -> None:
        """An internal network has no gateway, so only the default bridge's must be there."""
        observed = str(self.container.get("gateway") or "none")
        if not gateways or (observed == "none" and "bridge" not in self.instance.networks):
            return
        name, expected = next((item for item in gateways if item[1] == observed), gateways[0])
        self.claim(f"its gateway is {name}'s address", expected, observed)

    def bridge_address(self, name: str, bridge: Mapping[str, Any]) -> None:
        """Docker's own logic: the gateway that the engine was told, or the first address of the network's subnet.

        An address from elsewhere (DHCP, a hand) is another one, or stands beside it.
        """
        configured = bridge.get("configured") or {}
        observed = ", ".join(bridge.get("ipv4") or []) or "none"
        expected = _engines_address(configured)
        self.claim(f"{name} has {expected or 'the address that the engine chose'}", expected or "an address", observed)
        source = f"{configured.get('subnet')} of the engine's network {bridge.get('network')}"
        holds = expected is not None and list(bridge.get("ipv4") or []) == [expected]
        self.claim(
            f"{name}'s address is Docker's choice from {source}, not DHCP's", f"{expected} alone", observed, ok=holds
        )

    def shared(self) -> None:
        donor_name = self.instance.donor
        donor = container_of(self.facts, donor_name)
        if not donor:
            self.claim(f"its donor {donor_name} is on this host", donor_name, "no such container")
            return
        wanted = f"container:{donor.get('id')}"
        self.claim(
            f"its network mode names {donor_name}'s id", wanted[:22], str(self.container.get("network_mode"))[:22]
        )
        networks = ", ".join(self.container.get("networks") or []) or "none"
        self.claim("it has no networks of its own", "none", networks)
        veths = [
            name
            for name, veth in sorted((self.facts.get("veths") or {}).items())
            if _peer(veth)[0] == self.instance.name
        ]
        self.claim("no veth leads to it", "none", ", ".join(veths) or "none")
        theirs, own = str(donor.get("netns")), str(self.container.get("netns"))
        together = theirs == own and not self.container.get("stale") and own != "None"
        observed = own + (" (stale)" if self.container.get("stale") else "")
        self.claim(f"it is in {donor_name}'s namespace", theirs, observed, ok=together)
        owner = owner_of(self.facts, self.instance.name)
        seen = owner if together else self.container
        for interface in owner.get("interfaces") or []:
            label = f"its {interface['name']} has {owner['name']}'s MAC and address"
            self.claim(
                label, _card(interface), ", ".join(_card(item) for item in self.named(seen, interface)) or "none"
            )

    @staticmethod
    def named(container: Mapping[str, Any], interface: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return [item for item in container.get("interfaces") or [] if item["name"] == interface["name"]]

    def on_host(self) -> None:
        self.claim("it is in host mode", "host", str(self.container.get("mode")))
        veths = self.facts.get("veths") or {}
        ports = [
            f"{port} of {name}"
            for name, bridge in sorted((self.facts.get("bridges") or {}).items())
            for port in bridge.get("ports") or []
            if (veths.get(port) or {}).get("container") == self.instance.name
        ]
        self.claim("it is not among the ports of docker0 or any bridge", "none", ", ".join(ports) or "none")
        found = [str(item["name"]) for item in self.container.get("interfaces") or []]
        self.claim("it has no interface of its own", "none", ", ".join(found) or "none")
        taken = [f"{item['host_ip']}:{item['host_port']}" for item in self.container.get("published") or []]
        self.claim("nothing is published for it", "none", ", ".join(taken) or "none")

    def isolated(self) -> None:
        self.claim("it is in none mode", "none", str(self.container.get("mode")))
        declared = self.instance.interfaces
        for wanted in declared:
            self.own(wanted)
        names = [wanted.name for wanted in declared]
        other = [str(item["name"]) for item in self.container.get("interfaces") or [] if item["name"] not in names]
        label = " and ".join(["it has nothing but lo", *names])
        self.claim(label, "nothing else", ", ".join(other) or "nothing else")
        routes = [route for wanted in declared for route in wanted.routes if str(route.to) == "0.0.0.0/0"]
        gateway = str(routes[0].via or "none") if routes else "none"
        label = f"its gateway is {gateway}" if routes else "it has no default route" if names else "it has no route"
        self.claim(label, gateway, str(self.container.get("gateway") or "none"))

    def own(self, wanted: Interface) -> None:
        """An interface of one's own: by whom, what it is and on which bridge, as far as the host's facts tell."""
        bridge = bridge_named(self.facts, wanted.bridge) if wanted.bridge else {}
        on = str(bridge.get("name") or wanted.bridge)
        kind = f"{wanted.kind} on {on}" if on else wanted.kind
        expected = ", ".join([kind, "by netmode", *sorted(map(str, wanted.addresses))])
        found = self.named(self.container, {"name": wanted.name})
        observed = _own_card(found[0], wanted) if found else "none"
        self.claim(f"its {wanted.name} is the {kind} that it is to have", expected, observed)
        if found and wanted.kind == "veth":
            self.peer(on, bridge, found[0])


def _card(interface: Mapping[str, Any]) -> str:
    return " ".join([str(interface.get("mac")), *(interface.get("ipv4") or [])])


def _own_card(found: Mapping[str, Any], wanted: Interface) -> str:
    """A physical one keeps the kind that the card has on the host; a link-local address is the kernel's."""
    kind = wanted.kind if wanted.kind == "physical" else str(found.get("kind"))
    on = f"{kind} on {found.get('bridge') or 'no bridge'}" if wanted.kind == "veth" else kind
    addresses = [ipaddress.ip_interface(text) for key in ("ipv4", "ipv6") for text in found.get(key) or []]
    told = sorted(str(address) for address in addresses if address.version == 4 or not address.is_link_local)
    return ", ".join([on, f"by {found.get('managed_by') or 'somebody else'}", *told])


def claims(host: str, facts: Facts, pings: Pings, instances: Sequence[Instance]) -> list[dict[str, Any]]:
    """All claims of ``instances`` on one host, in their order. Keys: host, instance, claim, expected, observed, ok."""
    return [asdict(claim) for instance in instances for claim in _Proof(host, facts, pings, instance).prove()]


def render(proven: Sequence[Mapping[str, Any]]) -> list[str]:
    """The claims as aligned lines, each with what was observed, and what was expected where that differs."""
    width = max((len(claim["instance"]) for claim in proven), default=0)
    lines = []
    for claim in proven:
        start = f"{'ok  ' if claim['ok'] else 'FAIL'} {claim['instance']:<{width}}  {claim['claim']}"
        told = f"(observed {claim['observed']})"
        if not claim["ok"]:
            told = f"(expected {claim['expected']}, observed {claim['observed']})"
        lines.append(f"{start}  {told}")
    failed = sum(not claim["ok"] for claim in proven)
    count = "1 claim" if len(proven) == 1 else f"{len(proven)} claims"
    verb = "does" if failed == 1 else "do"
    lines.append(f"{count}, " + (f"{failed} {verb} not hold" if failed else "all hold"))
    return lines
