# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_replica_of`` on the controller: whom an instance follows, at which address, and whether that can be.

Pure, but for the variables of the host that it names, which are read where an instance names one.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import is_address, is_loopback
from ansible_collections.netmode.docker.plugins.module_utils._redis.exposure import (
    EVERYWHERE,
    Namespaces,
    addresses,
    published,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis.interfaces import interfaces_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.listeners import directives, is_node, needs_operator
from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems
from ansible_collections.netmode.docker.plugins.module_utils._redis.replication import Place
from ansible_collections.netmode.docker.plugins.module_utils._redis.sentinel import is_sentinel
from ansible_collections.netmode.docker.plugins.module_utils._redis.tls import ports_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_settings import check, merge
from ansible_collections.netmode.docker.plugins.plugin_utils._variables import options_of, read_variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Settings

_OUTSIDE = re.compile(r"\[?(?P<address>[0-9A-Fa-f.:]+)\]?:(?P<port>[0-9]{1,5})")


class Host(NamedTuple):
    """The Redis of a host of the inventory, as its variables say."""

    name: str
    address: str
    ca_dir: str
    """Where the CA of its own certificates is, on the controller."""
    namespaces: Namespaces
    leaving: tuple[tuple[str, str], ...] = ()
    """Of what is to leave a cluster, the cluster and the instance."""
    dead: tuple[str, ...] = ()
    """``redis_cluster_forget``."""

    @property
    def instances(self) -> Mapping[str, Settings]:
        return self.namespaces.instances


class Reached(NamedTuple):
    """Where others reach an instance."""

    place: Place
    elsewhere: bool
    """From other hosts too."""


class NoMasterError(Exception):
    """The message says why, and what to do."""


# --- where it is reached ----------------------------------------------------------------------------------------------


def reached(host: Host, name: str) -> Reached | None:
    """The one place at which others follow an instance; None where there is none but its own namespace."""
    instance, namespaces = host.instances[name], host.namespaces
    ports = ports_of(instance)
    port, given = ports.tls or ports.plain, directives(instance)
    told = given.get("replica-announce-ip", [""])[-1]
    if told:
        number = given.get("replica-announce-port", [""])[-1]
        return Reached(Place(told, int(number) if number.isdecimal() else port), elsewhere=True)
    owner = namespaces.owner(name)
    listens = [address.lstrip("-") for address in addresses(instance)]
    if not port:
        return None
    fixed = [one for one in listens if one not in EVERYWHERE and not is_loopback(one)]
    if owner == "(host)":
        if not fixed and not any(one in EVERYWHERE for one in listens):
            return Reached(Place(next((one for one in listens if ":" not in one), "127.0.0.1"), port), elsewhere=False)
        return Reached(Place(fixed[0] if fixed else host.address, port), elsewhere=not is_local(host.address))
    if listens and all(is_loopback(one) for one in listens):
        return None
    return (
        _published(host, owner, port) or _on_interface(namespaces, owner, port) or _on_network(namespaces, owner, port)
    )


def _published(host: Host, owner: str, port: int) -> Reached | None:
    for item in published(host.namespaces.published_by(owner)) if host.namespaces.knows(owner) else ():
        if item.inner == port and len(item.host) == 1 and not is_loopback(item.ip):
            at = item.ip if item.ip and item.ip not in EVERYWHERE else host.address
            if not is_local(at):
                return Reached(Place(at, item.host.start), elsewhere=True)
    return None


def _on_interface(namespaces: Namespaces, owner: str, port: int) -> Reached | None:
    holder = namespaces.instances.get(owner) or {}
    for interface in interfaces_of(holder) if holder else ():
        if interface.kind != "dummy" and interface.addresses:
            ends = interface.kind == "veth" and interface.bridge in namespaces.bridges
            return Reached(Place(str(interface.addresses[0].ip), port), elsewhere=not ends)
    return None


def _on_network(namespaces: Namespaces, owner: str, port: int) -> Reached | None:
    """By a fixed address on one of its networks, else by the name that Docker's resolver knows there."""
    holder = namespaces.instances.get(owner) or namespaces.companions.get(owner) or {}
    networks = holder.get("networks") or []
    for name in networks:
        options = (networks[name] if isinstance(networks, dict) else None) or {}
        lan = namespaces.drivers.get(str(name), "bridge") != "bridge"
        at = options.get("ipv4_address") or options.get("ipv6_address")
        if at or not lan:
            return Reached(Place(str(at or owner), port), elsewhere=lan)
    return None


def is_local(address: str) -> bool:
    return address == "localhost" or is_loopback(address)


# --- whom it follows --------------------------------------------------------------------------------------------------


def replicate(
    instances: list[Settings], own: Host, variables: Mapping[str, Mapping[str, Any]], problems: Problems
) -> None:
    """Each into ``replication``; None where something is wrong already. ``variables``: those of each host."""
    known = not problems.told
    for instance in instances:
        instance["replication"] = _option_of(instance, own, variables, problems) if known else None


def _option_of(
    instance: Settings, own: Host, variables: Mapping[str, Mapping[str, Any]], problems: Problems
) -> dict[str, Any] | None:
    """The option ``replication`` of the module redis_config. ``variables``: those of each host of the inventory."""
    if instance["state"] == "absent":
        return {}
    if is_sentinel(instance):
        return None
    if is_node(instance):
        return None  # the nodes of a cluster say who follows whom, and none starts with replicaof in its redis.conf
    mine = reached(own, instance["name"])
    option = {
        "announce_host": mine.place.host if mine else "",
        "announce_port": mine.place.port if mine else 0,
        "tls": instance["tls"] != "off",
        "overwrite": instance["replica_overwrite"],
    }
    if not instance["replica_of"]:
        return option
    try:
        of, place = _master(instance, own, variables)
    except NoMasterError as error:
        problems.add(instance["name"], "replica_of", f"{instance['replica_of']}: {error}")
        return option
    return {**option, "of": of, "host": place.host, "port": place.port}


def _master(instance: Settings, own: Host, variables: Mapping[str, Mapping[str, Any]]) -> tuple[str, Place]:
    given = str(instance["replica_of"])
    outside = _OUTSIDE.fullmatch(given)
    if outside and given not in variables:
        return given, _outside(outside["address"], int(outside["port"]))
    host, name = _find(given, instance["name"], own, variables)
    _refuse_cycle(host, name, own, instance["name"], variables)
    master = host.instances[name]
    of = f"{host.name}/{name}"
    _refuse_unlike(of, master, instance)
    if host.ca_dir != own.ca_dir and {master["tls"], instance["tls"]} == {"own"}:
        raise NoMasterError(
            f"the certificate of {of} is of another CA, that of {host.ca_dir} (redis_tls_ca_dir), and this one's is of "
            f"{own.ca_dir}. Give both the same directory."
        )
    there = reached(host, name)
    if there is None or not (there.elsewhere or (host.name == own.name and _share(own, instance["name"], name, there))):
        at = f" It is at {there.place}, for {'a part of ' * (host.name == own.name)}{host.name} alone." if there else ""
        raise NoMasterError(
            f"it does not reach {of}.{at} Publish its port (redis_ports) and set redis_address of {host.name} to an "
            "address that others reach, or give both a user-defined network, or another mode."
        )
    return of, there.place


def _share(own: Host, name: str, master: str, there: Reached) -> bool:
    """Whether one reaches another of its host, which is at a place of that alone."""
    owner, other = own.namespaces.owner(name), own.namespaces.owner(master)
    if is_loopback(there.place.host) or owner == other:
        return owner == other
    if owner == "(host)":  # which has all bridges, and not Docker's names
        return is_address(there.place.host)
    mine, theirs = ({*map(_network, own.namespaces.networks_of(one))} for one in (owner, other))
    return bool(mine & theirs)


def _network(name: str) -> str:
    return "bridge" if name == "docker0" else name


def _outside(address: str, port: int) -> Place:
    try:
        return Place(str(ipaddress.ip_address(address)), port)
    except ValueError:
        raise NoMasterError(f"{address!r} is not an IP address. Write it like 10.0.0.5:6379.") from None


def _find(given: str, own_name: str, own: Host, variables: Mapping[str, Mapping[str, Any]]) -> tuple[Host, str]:
    host_name, _, name = given.partition("/")
    if host_name != own.name and host_name not in variables:
        near = difflib.get_close_matches(host_name, [*variables, own.name], 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise NoMasterError(
            f"there is no host {host_name!r} in the inventory.{hint} Write it like r1 or r1/cache, by the inventory's "
            "name and the instance's; one outside of it by its address: 10.0.0.5:6379."
        )
    host = own if host_name == own.name else read_host(host_name, variables[host_name])
    names = list(host.instances)
    wanted = name or (own_name if own_name in names else names[0] if len(names) == 1 else "")
    if not wanted:
        raise NoMasterError(f"{host_name} has several: {', '.join(names)}. Say which: {host_name}/{names[0]}.")
    if wanted not in names:
        raise NoMasterError(f"{host_name} has no instance {wanted!r}. It has {', '.join(names) or 'none'}.")
    if host.instances[wanted]["state"] != "started":
        raise NoMasterError(f"its state is {host.instances[wanted]['state']}. Start it, or follow another.")
    return host, wanted


def read_host(name: str, raw: Mapping[str, Any]) -> Host:
    problems = Problems(name)
    given = {key: raw[key] for key in options_of("redis") if key in raw}
    variables = read_variables("redis", given, problems.told, f"{name}: ")
    told = merge(variables, variables["instances"], problems)
    merged = [item for item in told if item["state"] != "absent"]
    leaving = [(str(one["cluster"]), str(one["name"])) for one in told if one["cluster"] and one not in merged]
    for instance in merged:
        check(instance, problems)
    if problems.told:
        raise NoMasterError(f"its own variables are wrong: {problems.told[0]}")
    companions = [one for one in variables["companions"] if one.get("name")]
    address = raw["redis_address"] if "redis_address" in raw else raw.get("ansible_host", name)
    namespaces = Namespaces(merged, companions, variables["network_definitions"])
    return Host(
        name, str(address), variables["tls_ca_dir"], namespaces, tuple(leaving), tuple(variables["cluster_forget"])
    )


def _refuse_cycle(host: Host, name: str, own: Host, own_name: str, variables: Mapping[str, Mapping[str, Any]]) -> None:
    """Each that it follows in turn, to the master of all."""
    start = f"{own.name}/{own_name}"
    chain: list[str] = []
    while f"{host.name}/{name}" not in chain:
        if f"{host.name}/{name}" == start:
            if not chain:
                raise NoMasterError("that is this instance itself. Name another, or leave redis_replica_of out.")
            break
        chain.append(f"{host.name}/{name}")
        following = str(host.instances[name]["replica_of"] or "")
        if not following or (_OUTSIDE.fullmatch(following) and following not in variables):
            return
        host, name = _find(following, name, host, variables)
    raise NoMasterError(
        f"they follow one another in a circle: {' -> '.join([start, *chain, f'{host.name}/{name}'])}. One of them has "
        "to be the master: leave its redis_replica_of out."
    )


def _refuse_unlike(of: str, master: Settings, instance: Settings) -> None:
    """Each may become the master of the others: so they have one password, and all or none speak TLS."""
    own = {*directives(instance)} & {"masterauth", "masteruser"}
    if str(master["password"] or "") != str(instance["password"] or "") and not own:
        raise NoMasterError(
            f"{of} has another redis_password, and each may become the master of the other. Give both the same one, "
            "such as in group_vars."
        )
    if needs_operator(master) and "masteruser" not in directives(instance):
        raise NoMasterError(f"the user default of {of} is off or limited, {AS_DEFAULT}")
    if (master["tls"] == "off") != (instance["tls"] == "off"):
        raise NoMasterError(f"{of} has redis_tls: {master['tls']}, this one {instance['tls']}. Give both TLS, or none.")
    if comes_back_empty(master):
        raise NoMasterError(
            f"{of} keeps nothing (redis_appendonly: false, redis_save: []), so that a restart (redis_restart: "
            f"{master['restart']}) brings it back empty and empties its replicas. Have it keep its data, or set "
            "redis_restart to 'no' there."
        )


class UnfitError(Exception):
    """The option that is wrong, and why with what to do."""


class Peers(NamedTuple):
    """Who goes to where an instance announces itself, in words; and what it has to publish for them."""

    option: str
    """Whose value is wrong where there is no such address."""
    others: str
    all: str
    """As ``others``, with the instance itself."""
    ports: str = "its port"


def announced(own: Host, name: str, peers: Peers, *, near: bool = False) -> Reached:
    """Where an instance is reached from all hosts, by an address. UnfitError: nowhere.

    ``near``: it may be reached from its own host alone, on a network of that.
    """
    there = reached(own, name)
    if is_local(own.address) and (
        there is None or is_local(there.place.host) or own.namespaces.owner(name) == "(host)"
    ):
        raise UnfitError(
            peers.option,
            f"{peers.others} reach {own.name} at no address but {own.address}, which is that host itself. Set "
            f"redis_address of {own.name} to its IP address.",
        )
    if there is None or not (there.elsewhere or (near and _is_on_network(own, name, there))):
        raise UnfitError(
            "network_mode",
            f"{own.instances[name]['network_mode']}: {peers.others} do not reach it. Use host mode, or publish "
            f"{peers.ports} (redis_ports), or give it an interface of a network that all hosts reach, and set "
            f"redis_address of {own.name} to its address.",
        )
    if not is_address(there.place.host):
        way_out = f"Set redis_address of {own.name} to an IP address"
        raise UnfitError(
            peers.option,
            f"{peers.all} go by addresses, and this one is reached at {there.place.host!r}. "
            f"{way_out if there.elsewhere else 'Give it an ipv4_address in redis_networks'}.",
        )
    return there


def _is_on_network(own: Host, name: str, there: Reached) -> bool:
    """On a network of its host alone, where others on that host reach it."""
    owner = own.namespaces.owner(name)
    return owner != "(host)" and not is_local(there.place.host) and bool(own.namespaces.networks_of(owner))


def refuse_empty(instance: Settings, ends: str = "") -> None:
    """R11: as a master it would take the data of its replicas along. ``ends``: what more is said of that."""
    if comes_back_empty(instance):
        raise UnfitError(
            "save",
            "it keeps nothing (redis_appendonly: false, redis_save: []), so that a restart (redis_restart: "
            f"{instance['restart']}) brings a master back empty{ends} and empties its replicas. Have it keep its data, "
            "or set redis_restart to 'no'.",
        )


AS_DEFAULT = (
    "and it is as default that a replica asks its master. Name another in redis_settings, masteruser and masterauth, "
    "that may +psync +replconf +ping."
)


def comes_back_empty(instance: Settings) -> bool:
    """R11: as a master it would take the data of its replicas along."""
    return not instance["appendonly"] and not instance["save"] and str(instance["restart"]) not in ("no", "False")


def two_unlike(instances: Iterable[tuple[str, Mapping[str, Any]]], key: str) -> str:
    """``r1/c0 and r2/c0``: of some, each with its host, two that differ in that; '' where none do."""
    given: dict[Any, str] = {}
    for host, one in instances:
        given.setdefault(one[key], f"{host}/{one['instance']}")
    return " and ".join(list(given.values())[:2]) if len(given) > 1 else ""
