# SPDX-License-Identifier: GPL-3.0-or-later
"""What each network mode claims of a Redis, compared with what the kernel, the engine and Redis itself say.

Pure: (facts of one host, answers of redis_ping, wanted instances) -> claims. The facts come from the module
network_facts; the answers are those to ``ways.endpoints``, which says what has to be asked for the proof.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .asked import (
    Compared,
    engines_address,
    listens_as_asked,
    published_as_asked,
)
from .ways import (
    ANSWER,
    NOAUTH,
    NOTHING,
    PONG,
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
    from ansible_collections.netmode.docker.plugins.module_utils._interfaces.spec import Interface

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

    def compare(self, claim: str, compared: Compared) -> None:
        self.claim(claim, compared.expected, compared.observed, ok=compared.ok)

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
            answer = self.answer(way)
            told = str(answer.get("answer") or answer.get("error") or "not asked")
            if way.expected == NOTHING:
                self.nobody(way, answer, told)
            else:
                words = (PONG, NOAUTH) if way.expected == ANSWER else (way.expected,)
                self.claim(way.label, way.expected, told, ok=told.split(" ", 1)[0] in words)
        self.one_and_the_same(asked)
        self.listeners(asked)
        self.neighbours(asked)

    def answer(self, way: Way) -> Mapping[str, Any]:
        return self.pings.get(key_of(self.instance, way)) or {}

    def run_ids(self, asked: Sequence[Way]) -> list[str]:
        """The run id behind every address where it must answer, as far as that is known; the socket's, its own, first.

        What asks for a password says none: there its own Redis said whether it saw the connection.
        """
        wanted = sorted((way for way in asked if way.expected in (PONG, ANSWER)), key=lambda way: way.socket is None)
        found: list[str] = []
        for answer in map(self.answer, wanted):
            run_id = (answer.get("server") or {}).get("run_id")
            if run_id:
                found.append(str(run_id)[:8])
            elif found and answer.get("seen") is not None:
                found.append(found[0] if answer["seen"] else "of another Redis")
        return found

    def one_and_the_same(self, asked: Sequence[Way]) -> None:
        """A published port could as well lead to another Redis."""
        found = self.run_ids(asked)
        if len(found) > 1:
            observed = "run id " + ", ".join(dict.fromkeys(found))
            # Nothing is published in host mode: a port of the host that is its own is one of the host's namespace.
            label = {
                "host": "it has no namespace of its own: the host's port and its socket are one Redis",
                "container": "its donor's address and its socket are one Redis",
            }.get(self.instance.mode, "all of its addresses are one Redis")
            self.claim(label, f"run id {found[0]}", observed, ok=len(set(found)) == 1)

    def listeners(self, asked: Sequence[Way]) -> None:
        """All that its container listens at, as the kernel knows it; who may not look says nothing of it."""
        observed = next((self.answer(way).get("listens") for way in asked if way.socket), None)
        if observed is not None:
            ports = ", ".join(dict.fromkeys(str(port) for _, port in self.instance.listens))
            label = f"it listens at port {ports}, where it was told to, alone" if ports else "it listens at no port"
            self.compare(label, listens_as_asked(self.instance.listens, observed))

    def neighbours(self, asked: Sequence[Way]) -> None:
        """One that needs no password, and is not said to be meant so, is reached from this host alone."""
        said = next((self.answer(way) for way in asked if way.socket and way.expected == PONG), {})
        found = said.get("neighbours")
        if not self.instance.open or not said.get("reachable"):
            return
        if found is None:
            label = "it needs no password: whether neighbours of this host reach it is not known"
            self.claim(label, "not known", "not known")
        else:
            label = "it needs no password, and no neighbour of this host reaches it"
            self.claim(label, "none", "; ".join(found) or "none")

    def nobody(self, way: Way, answer: Mapping[str, Any], told: str) -> None:
        """Either nothing answers, or what answers there is another Redis than the one behind the socket."""
        own = self.run_ids(ways(self.facts, self.instance))
        other = (answer.get("server") or {}).get("run_id")
        if not answer.get("reachable"):
            unreachable = bool(answer.get("error"))
            self.claim(way.label, told if unreachable else "an error", told, ok=unreachable)
        elif other and own and str(other)[:8] != own[0]:
            self.claim(way.label, f"not run id {own[0]}", f"another Redis, run id {str(other)[:8]}", ok=True)
        elif told.startswith(NOAUTH) and answer.get("seen") is not True:
            # Without a password it would not ask for one; with one, it said that it does not see who was asked there.
            self.claim(way.label, "not this Redis", "another Redis, with a password", ok=True)
        else:
            self.claim(way.label, NOTHING, told, ok=False)

    # --- the four modes ---------------------------------------------------------------------------------------------

    def bridge_of(self, network: str) -> Mapping[str, Any] | None:
        """The bridge that carries a network, whatever the container's veth is plugged into."""
        bridges: Mapping[str, Mapping[str, Any]] = self.facts.get("bridges") or {}
        return next((bridge for bridge in bridges.values() if bridge.get("network") == network), None)

    def bridge(self) -> None:
        interfaces = {item.get("network"): item for item in self.container.get("interfaces") or []}
        carried = [network for network in self.instance.networks if self.bridge_of(network)]
        mode = str(self.container.get("mode"))
        # The first network says the mode: one that no bridge carries, such as a macvlan, is other to the engine.
        self.claim("it is in bridge mode", "bridge" if carried or mode != "other" else "other", mode)
        gateways: list[tuple[str, str]] = []
        for network in self.instance.networks:
            if network not in interfaces:
                self.claim(f"it has an interface on the network {network}", "an interface", "none")
                continue
            interface, bridge = interfaces[network], self.bridge_of(network)
            if bridge:
                name = str(bridge["name"])
                self.bridge_address(name, bridge)
                self.peer(name, bridge, interface)
                gateways += _gateways(name, bridge)
            else:
                self.unbridged(network, interface)
            self.as_assigned(interface)
        self.no_other(set(self.instance.networks))
        self.published()
        self.gateway(gateways, alone=len(carried) == len(self.instance.networks))

    def unbridged(self, network: str, interface: Mapping[str, Any]) -> None:
        """A network of a driver without a bridge: nothing is plugged in anywhere, so its interface is not a veth."""
        kind = str(interface.get("kind"))
        label = f"a bridge of the host carries the network {network}"
        if kind == "veth":
            self.claim(label, "a bridge", "none")
        else:
            self.claim(f"its {interface['name']} is on the network {network}, without a bridge", kind, kind)

    def as_assigned(self, interface: Mapping[str, Any]) -> None:
        given = interface.get("assigned") or interface
        label = f"its {interface['name']} has the MAC and the address that the engine gave it"
        self.claim(label, _card(given), _card(interface), ok=not interface.get("assigned"))

    def no_other(self, networks: set[str]) -> None:
        other = [
            str(item["name"])
            for item in self.container.get("interfaces") or []
            if item.get("network") not in networks and not _of_the_kernel(item)
        ]
        self.claim("it has no other interface", "none", ", ".join(other) or "none")

    def published(self) -> None:
        asked, observed = self.instance.published, self.container.get("published") or []
        host_ips = [
            (bridge.get("configured") or {}).get("host_ip")
            for bridge in (self.facts.get("bridges") or {}).values()
            if bridge.get("network") in self.instance.networks
        ]
        if asked or observed:
            self.compare("its published ports are those asked for", published_as_asked(asked, observed, host_ips))

    def peer(self, name: str, bridge: Mapping[str, Any], interface: Mapping[str, Any]) -> None:
        """Read from the bridge's end: its ports whose peer is this very interface."""
        veths = self.facts.get("veths") or {}
        wanted = (self.instance.name, interface["name"])
        ports = [port for port in bridge.get("ports") or [] if _peer(veths.get(port)) == wanted]
        observed = ", ".join(ports) or "none"
        self.claim(
            f"one veth of {name} is the peer of its {interface['name']}", "one veth", observed, ok=len(ports) == 1
        )

    def gateway(self, gateways: Sequence[tuple[str, str]], *, alone: bool) -> None:
        """An internal network has none, so only the default bridge's must be there. ``alone``: bridges carry all."""
        observed = str(self.container.get("gateway") or "none")
        known = [item for item in gateways if item[1] == observed]
        if not gateways or (not known and not alone) or (observed == "none" and "bridge" not in self.instance.networks):
            return
        whose, expected = known[0] if known else gateways[0]
        self.claim(f"its gateway is {whose}", expected, observed)

    def bridge_address(self, name: str, bridge: Mapping[str, Any]) -> None:
        """Docker's own logic: the gateway that the engine was told, or the one that it takes.

        An address from elsewhere (DHCP, a hand) is another one, or stands beside it. A network without IPv4, and one
        whose options ask for it, has none.
        """
        configured, addresses = bridge.get("configured") or {}, list(bridge.get("ipv4") or [])
        expected = engines_address(configured)
        if not addresses and (expected is None or configured.get("unaddressed")):
            return
        observed = ", ".join(addresses) or "none"
        self.claim(f"{name} has {expected or 'no IPv4 address'}", expected or "none", observed)
        if expected:
            source = f"{configured.get('subnet')} of the engine's network {bridge.get('network')}"
            label = f"{name}'s address is Docker's choice from {source}, not DHCP's"
            self.claim(label, f"{expected} alone", observed, ok=addresses == [expected])

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
        other = [
            str(item["name"])
            for item in self.container.get("interfaces") or []
            if item["name"] not in names and not _of_the_kernel(item)
        ]
        label = " and ".join(["it has nothing but lo", *names])
        self.claim(label, "nothing else", ", ".join(other) or "nothing else")
        routes = [route for wanted in declared for route in wanted.routes if str(route.to) == "0.0.0.0/0"]
        gateway = str(routes[0].via or "none") if routes else "none"
        label = f"its gateway is {gateway}" if routes else "it has no default route" if names else "it has no route"
        self.claim(label, gateway, str(self.container.get("gateway") or "none"))

    def own(self, wanted: Interface) -> None:
        """A custom interface: by whom, what it is and on which bridge, as far as the host's facts tell."""
        bridge = bridge_named(self.facts, wanted.bridge) if wanted.bridge else {}
        on = str(bridge.get("name") or wanted.bridge)
        kind = f"{wanted.kind} on {on}" if on else wanted.kind
        expected = ", ".join([kind, "by netmode", *sorted(map(str, wanted.addresses))])
        found = self.named(self.container, {"name": wanted.name})
        observed = _own_card(found[0], wanted) if found else "none"
        self.claim(f"its {wanted.name} is the {kind} that it is to have", expected, observed)
        if found and wanted.kind == "veth":
            self.peer(on, bridge, found[0])


_FALLBACK = frozenset("tunl0 gre0 gretap0 erspan0 ip_vti0 ip6_vti0 sit0 ip6tnl0 ip6gre0 ip6gretap0 ip6erspan0".split())
"""What the kernel puts into every namespace once the module of a kind of tunnel is loaded."""


def _of_the_kernel(interface: Mapping[str, Any]) -> bool:
    addresses = [*(interface.get("ipv4") or []), *(interface.get("ipv6") or [])]
    return interface["name"] in _FALLBACK and interface.get("operstate") == "DOWN" and not addresses


def _gateways(name: str, bridge: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(whose, address) of what a container on this bridge may have as its gateway."""
    told = (bridge.get("configured") or {}).get("default_gateway")
    if told:
        return [("the engine's default-gateway", str(told))]
    return [(f"{name}'s address", bare(address)) for address in bridge.get("ipv4") or []]


def _card(interface: Mapping[str, Any]) -> str:
    kept = [address for address in interface.get("ipv6") or [] if not address.startswith("fe80:")]
    return " ".join([str(interface.get("mac")), *(interface.get("ipv4") or []), *kept])


def _own_card(found: Mapping[str, Any], wanted: Interface) -> str:
    """A physical one keeps the kind that the card has on the host; a link-local address is the kernel's."""
    kind = wanted.kind if wanted.kind == "physical" else str(found.get("kind"))
    on = f"{kind} on {found.get('bridge') or 'no bridge'}" if wanted.kind == "veth" else kind
    addresses = [ipaddress.ip_interface(text) for key in ("ipv4", "ipv6") for text in found.get(key) or []]
    told = sorted(str(address) for address in addresses if address.version == 4 or not address.is_link_local)
    return ", ".join([on, f"by {found.get('managed_by') or 'somebody else'}", *told])


def claims(host: str, facts: Facts, pings: Pings, instances: Sequence[Instance]) -> list[dict[str, Any]]:
    """All claims of ``instances`` on one host, in order. Keys: host, instance, claim, expected, observed, ok."""
    return [asdict(claim) for instance in instances for claim in _Proof(host, facts, pings, instance).prove()]


def render(proven: Sequence[Mapping[str, Any]]) -> list[str]:
    """The claims as aligned lines, each with what was observed, and what was expected where that differs."""
    width = max((len(claim["instance"]) for claim in proven), default=0)
    lines = []
    for claim in proven:
        start = f"{'ok  ' if claim['ok'] else 'FAIL'} {claim['instance']:<{width}}  {claim['claim']}"
        expected = "" if claim["ok"] else f"expected {claim['expected']}, "
        lines.append(f"{start}  ({expected}observed {claim['observed']})")
    failed = sum(not claim["ok"] for claim in proven)
    count = "1 claim" if len(proven) == 1 else f"{len(proven)} claims"
    lines.append(f"{count}, " + (f"{failed} {'does' if failed == 1 else 'do'} not hold" if failed else "all hold"))
    return lines
