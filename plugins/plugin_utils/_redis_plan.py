# SPDX-License-Identifier: GPL-3.0-or-later
"""From settings to what the modules are given: images, configuration files, containers, and endpoints to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.names import ROLE_LABEL
from ansible_collections.netmode.docker.plugins.module_utils._keeper import program
from ansible_collections.netmode.docker.plugins.module_utils._kernel.addresses import bound
from ansible_collections.netmode.docker.plugins.module_utils._networks.spec import bridges_of
from ansible_collections.netmode.docker.plugins.module_utils._redis import conf, sentinel
from ansible_collections.netmode.docker.plugins.module_utils._redis.data import CONFIG_AT, DATA_AT, SOCKET_AT
from ansible_collections.netmode.docker.plugins.module_utils._redis.exposure import (
    Namespaces,
    addresses,
    check_exposure,
    check_ports,
    unauthenticated,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis.interfaces import check_pairs, entries_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.listeners import is_closed, listeners
from ansible_collections.netmode.docker.plugins.module_utils._redis.operator import asked_as
from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems, Settings
from ansible_collections.netmode.docker.plugins.module_utils._redis.sources import check_kept, sources_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.spec import SECRET_DIRECTIVES
from ansible_collections.netmode.docker.plugins.module_utils._redis.tls import PEM, fingerprint, lines_of_tls, ports_of
from ansible_collections.netmode.docker.plugins.module_utils._redis.tuning import tuning_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_backups import check_backups
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_cluster import cluster, nodes_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_host import check_host
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_images import archives_of, images_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_replication import Host, replicate
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_sentinel import sentinels
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_settings import check, merge
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_tls import GIVEN, find, names_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_users import operator_file
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_volumes import (
    check_places,
    check_volumes,
    made_volumes,
    named_volumes,
    volume_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


PLAN_KEYS = (
    "problems", "images", "archives", "files", "volumes", "containers", "interfaces", "purge", "endpoints", "kept",
    "keeper_program", "parts", "teardown", "certificates", "encrypt_for", "cluster", "leaving",
    "sentinel",
)  # fmt: skip


def lines_of(instance: Settings) -> tuple[list[str], list[str]]:
    """The lines of redis.conf, and those of them that hold secrets."""
    ports = ports_of(instance)
    lines = ["daemonize no", f"dir {DATA_AT}"]
    if any(ports):
        lines.append("bind " + " ".join(addresses(instance)))
    lines += [f"port {ports.plain}", *lines_of_tls(instance, CONFIG_AT)]
    lines += [f"unixsocket {SOCKET_AT}/redis.sock", f"unixsocketperm {instance['socket_mode']}"]
    # Who may reach it was decided before this is written; protected-mode would refuse every address but the loopback.
    lines.append(f"protected-mode {'yes' if is_closed(instance) else 'no'}")
    lines += [] if sentinel.is_sentinel(instance) else _lines_of_data(instance)
    secrets = conf.lines_of("requirepass", instance["password"] or None)
    for directive, value in instance["settings"].items():
        into = secrets if directive.lower() in SECRET_DIRECTIVES else lines
        into += conf.lines_of(directive, value)
    return lines, secrets


def _lines_of_data(instance: Settings) -> list[str]:
    lines = [f"maxmemory {instance['maxmemory']}"] if instance["maxmemory"] else []
    lines.append(f"maxmemory-policy {instance['maxmemory_policy']}")
    lines += [f"appendonly {'yes' if instance['appendonly'] else 'no'}", f"appendfsync {instance['appendfsync']}"]
    lines += [f"save {point}" for point in instance["save"]] or ['save ""']
    if instance["replicas_min"]:
        lines.append(f"min-replicas-to-write {instance['replicas_min']}")
    return lines


def _files(
    instance: Settings, config_dir: str, socket_dir: str, unauthenticated: dict[str, Any] | None = None
) -> dict[str, Any]:
    uid, _, gid = str(instance["user"]).partition(":")
    absent = instance["state"] == "absent"
    material = None if absent else instance["material"]
    lines, secrets = ([], []) if absent else lines_of(instance)
    return {
        "name": instance["name"],
        "state": "absent" if absent else "present",
        "directory": f"{config_dir}/{instance['name']}",
        "socket_directory": f"{socket_dir}/{instance['name']}",
        "socket_mode": str(instance["socket_mode"]),
        "volume": volume_of(instance),
        "uid": int(uid),
        "gid": int(gid),
        "lines": lines,
        "secrets": secrets,
        "operator": bool(instance["operator"]),
        "restart_allowed": instance["restart_allowed"],
        "left": bool(instance.get("left")),
        "unauthenticated": unauthenticated,
        "replication": None if absent else instance["replication"],
        "sentinel": _asks_as(instance) if sentinel.is_sentinel(instance) else None,
        **({"tls": {"pem": material.pem, "ca": material.ca}} if material else {}),
        **({"trial": _trial(instance, config_dir, socket_dir)} if instance["state"] == "started" else {}),
    }


def _asks_as(instance: Settings) -> dict[str, str]:
    """As whom a Sentinel asks the servers that it watches."""
    password = str(instance["sentinel_password"] or instance["password"] or "")
    return {"username": str(instance["sentinel_username"]), "password": password}


def _trial(instance: Settings, config_dir: str, socket_dir: str) -> dict[str, Any]:
    """What Redis is tried with before its configuration is written: the container that it is to have."""
    container = _container({**instance, "labels": {}}, config_dir, socket_dir)
    return {"container": container, "password": str(instance["password"] or "")}


def _container(instance: Settings, config_dir: str, socket_dir: str) -> dict[str, Any]:
    name = instance["name"]
    if instance["state"] == "absent":
        return {"name": name, "state": "absent"}
    mode = instance["network_mode"]
    own_option, own_label = [], {}
    if sentinel.is_sentinel(instance):
        own_option = [sentinel.OPTION]
        material = instance["material"]
        read_at_start = [*lines_of(instance)[0], *([fingerprint(material.pem), material.ca] if material else [])]
        own_label = {sentinel.LABEL: sentinel.digest(read_at_start)}
    container: dict[str, Any] = {
        "name": name,
        "state": instance["state"],
        "recreate": instance["recreate"] if instance["restart_allowed"] else "never",
        "image": instance["image"],
        "network_mode": f"container:{instance['donor']}" if mode == "container" else mode,
        "command": [instance["server_command"], f"{CONFIG_AT}/redis.conf", *own_option],
        "user": instance["user"],
        "volumes": [
            f"{config_dir}/{name}:{CONFIG_AT}",
            f"{socket_dir}/{name}:{SOCKET_AT}",
            f"{volume_of(instance)}:{DATA_AT}",
            *instance["volumes"],
        ],
        "tmpfs": ["/tmp"],  # noqa: S108 (in the container)
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "restart": instance["restart"],
        "stop_grace_period": instance["stop_grace_period"],
        # Over the socket, so that it needs neither port nor address; a Redis that asks for a password is alive as well.
        "healthcheck": {
            "test": ["CMD", instance["cli_command"], "-s", f"{SOCKET_AT}/redis.sock", "ping"],
            "interval": instance["healthcheck_interval"],
            "timeout": "3s",
            "retries": 3,
        },
        "labels": {ROLE_LABEL: "redis", **own_label, **instance["labels"]},
    }
    for option in ("ports", "networks", "sysctls", "ulimits", "mem_limit", "cpus"):
        if instance[option]:
            container[option] = instance[option]
    if mode in ("host", "container"):  # nothing is published there; so the port is looked up before anything is changed
        container["expose"] = _listens(instance)
    if mode == "bridge" and instance["networks"]:
        del container["network_mode"]
    return container


def _listens(instance: Settings) -> list[Any]:
    """Its ports, each with the address where it does not listen on all: others may have the port on another one."""
    found = bound(addresses(instance))
    if "" in found or {"0.0.0.0", "::"} <= {*found}:  # noqa: S104 (compared, not bound)
        return [listener.port for listener in listeners(instance)]
    at = [f"[{address}]" if ":" in address else address for address in found]
    return [f"{address}:{listener.port}" for listener in listeners(instance) for address in at]


def _interfaces(
    instances: list[Settings], definitions: list[dict[str, Any]], pending: Iterable[str]
) -> list[dict[str, Any]]:
    """Of all that are to run. For a rehearsal without those on a bridge that is yet to be made."""
    absent = bridges_of(item for item in definitions if item.get("name") in {*pending})
    started = [item for item in instances if item["state"] == "started"]
    return [entry for item in started for entry in entries_of(item) if entry.get("bridge") not in absent]


def _is_kept(instance: Settings) -> bool:
    """Whether it runs, and a restart takes away what Docker does not bring back."""
    return instance["state"] == "started" and (instance["network_mode"] == "container" or bool(instance["interfaces"]))


def _endpoint(instance: Settings, socket_dir: str) -> dict[str, Any]:
    name = instance["name"]
    at, expect = f"{socket_dir}/{name}/redis.sock", "linked" if instance["replica_of"] else "pong"
    return {"name": name, "socket": at, "expect": expect, "container": name, **asked_as(instance)}


def make_plan(
    variables: Settings,
    host: str,
    pending: Iterable[str] = (),
    hosts: Mapping[str, Mapping[str, Any]] | None = None,
    left: Iterable[str] | None = (),
) -> dict[str, Any]:
    """Everything that the role's tasks need. With ``problems`` the rest is empty: nothing is done by halves.

    ``variables``: the role's without ``redis_``, each of its type. ``hosts``: those of each host, as they are given.
    ``left``: instances that their cluster has let go; None: those that are to leave one are not looked at yet.
    """
    problems = Problems(host, variables.get("problems", ()))
    config_dir, socket_dir = variables["config_dir"], variables["socket_dir"]
    merged, leaving = _leaving(merge(variables, variables["instances"], problems), left)
    extra = _companions(variables["companions"], merged, variables, problems)
    check_host(variables, extra, problems)
    encrypt_for = check_backups(variables, _with_data(merged), problems)
    _check_each(merged, config_dir, problems)
    namespaces = Namespaces(_present(merged), extra, variables["network_definitions"])
    own = Host(host, variables["address"], variables["tls_ca_dir"], namespaces)
    nodes = [] if problems.told else cluster(merged, own, problems, hosts or {})
    certificates = _read_certificates(merged, host, variables, namespaces, problems)
    replicate(merged, own, hosts or {}, problems)
    watching = [] if problems.told else sentinels(merged, own, problems)
    proof = _proof(variables, host, merged, problems)
    nothing = {**{key: [] for key in PLAN_KEYS}, "problems": problems.told, "proof": proof}
    if problems.told:
        return nothing
    proof["sources"] = [sources_of(item, namespaces) for item in merged]
    _check_together(merged, extra, variables, namespaces, problems)
    images = [] if problems.told else images_of(merged, problems)
    archives = archives_of(images, variables["image_dir"], problems)
    if problems.told:
        return nothing
    containers = extra + [_container(item, config_dir, socket_dir) for item in merged]
    files = [_files(item, config_dir, socket_dir, unauthenticated(item, namespaces)) for item in merged]
    return {
        "problems": [],
        "images": images,
        "archives": archives,
        "certificates": certificates,
        "encrypt_for": encrypt_for,
        **_of_fleet(nodes, watching, leaving),
        "files": files,
        "volumes": made_volumes(_present(merged)),
        "containers": containers,
        "interfaces": _interfaces(merged, variables["network_definitions"], pending),
        "purge": [item["name"] for item in merged],
        "endpoints": [_endpoint(item, socket_dir) for item in merged if item["state"] == "started"],
        **_keeper(merged, variables),
        "parts": {
            "images": {"images": images},
            "sources": {"instances": proof["sources"]},
            "containers": {"containers": containers},
            **_parts(merged, files, variables, namespaces),
        },
        "proof": proof,
        "teardown": _teardown(merged, extra, config_dir, socket_dir),
    }


def _of_fleet(nodes: list[dict[str, Any]], watching: list[dict[str, Any]], leaving: list[str]) -> dict[str, Any]:
    cluster_nodes, sentinel_names = ([one["instance"] for one in found] for found in (nodes, watching))
    return {"cluster": cluster_nodes, "sentinel": sentinel_names, "leaving": leaving}


def _check_each(merged: list[Settings], config_dir: str, problems: Problems) -> None:
    for instance in merged:
        check(instance, problems)
        instance["operator"] = operator_file(instance, config_dir)


def _with_data(merged: list[Settings]) -> list[str]:
    return [one["name"] for one in merged if one["state"] == "started" and not sentinel.is_sentinel(one)]


def _leaving(merged: list[Settings], left: Iterable[str] | None) -> tuple[list[Settings], list[str]]:
    """The instances, and the names of those that are to leave a cluster."""
    leaving = [one["name"] for one in merged if one["state"] == "absent" and one["cluster"]]
    if left is None:
        return [one for one in merged if one["name"] not in leaving], leaving
    return [{**one, "left": one["name"] in {*left}} for one in merged], leaving


def _keeper(merged: list[Settings], variables: Settings) -> dict[str, Any]:
    """Who needs it, and by what its program is known, which is read only where somebody does."""
    kept = [item["name"] for item in merged if variables["keeper"] and _is_kept(item)]
    return {"kept": kept, "keeper_program": program.digest() if kept else ""}


def _parts(
    merged: list[Settings], files: list[dict[str, Any]], variables: Settings, namespaces: Namespaces
) -> dict[str, Any]:
    """Of the instances and of the host: its tunables, its networks, and the interfaces that containers get."""
    networks = variables["network_definitions"]
    return {
        "files": {**{key: variables[key] for key in ("socket_group", "image_dir")}, "instances": files},
        "cluster": nodes_of(merged, variables["cluster_timeout"]),
        "tuning": tuning_of(merged, namespaces, enabled=variables["host_tuning"]),
        "networks": {"networks": networks},
        "interfaces": {"interfaces": _interfaces(merged, networks, ()), "purge": [item["name"] for item in merged]},
    }


def _read_certificates(
    merged: list[Settings], host: str, variables: Settings, namespaces: Namespaces, problems: Problems
) -> list[dict[str, Any]]:
    """Each into ``material``, and what it says into ``certificate``. Returns those that are to be made."""
    due = []
    for instance in merged if not problems.told else ():
        names = names_of(instance, host, variables["address"], namespaces)
        found = find(instance, host, names, variables, problems)
        if found.due:
            due.append(found.due._asdict())
        has = instance["material"] = found.material
        instance["certificate"] = {
            "sha256": fingerprint(has.pem), "ca": has.ca, "name": has.name, "not_after": has.not_after,
            "file": f"{variables['config_dir']}/{instance['name']}/{PEM}",
        } if has and has.pem else None  # fmt: skip
    return due


def _present(instances: list[Settings]) -> list[Settings]:
    return [item for item in instances if item["state"] != "absent"]


def _check_together(
    merged: list[Settings],
    extra: list[dict[str, Any]],
    variables: Settings,
    namespaces: Namespaces,
    problems: Problems,
) -> None:
    """Against each other, once each is right alone."""
    present = _present(merged)
    check_places(present, variables["config_dir"], variables["socket_dir"], problems)
    check_volumes(present, extra, problems)
    check_ports(present, namespaces, problems)
    check_pairs([item for item in merged if item["state"] == "started"], problems)
    for instance in merged:
        check_exposure(instance, namespaces, problems)
        check_kept(instance, namespaces, problems)


def _proof(variables: Settings, host: str, merged: list[Settings], problems: Problems) -> dict[str, Any]:
    """What the module redis_verify compares a host with, whether or not it could be deployed like that."""
    return {
        "problems": list(problems.told),
        "host": host,
        "address": variables["address"],
        "witnesses": variables["reach_witnesses"],
        "socket_dir": variables["socket_dir"],
        "tls_renew_before": variables["tls_renew_before"],
        "instances": [{key: item[key] for key in item if key not in (*GIVEN, "material")} for item in merged],
    }


def _teardown(
    instances: list[Settings], companions: list[dict[str, Any]], config_dir: str, socket_dir: str
) -> dict[str, list[dict[str, Any]]]:
    """What removes all that a plan makes. Of the images those that were made on the host, or sent to it."""

    def gone(names: list[str]) -> list[dict[str, Any]]:
        return [{"name": name, "state": "absent"} for name in dict.fromkeys(names)]

    return {
        "containers": gone([item["name"] for item in [*companions, *instances]]),
        "files": [_files({**item, "state": "absent", "left": True}, config_dir, socket_dir) for item in instances],
        "images": [
            {**image, "only_made_here": True}
            for image in gone([item["image"] for item in instances if item["image_source"] != "pull"])
        ],
        "volumes": [{**item, "only_made_here": True} for item in gone(named_volumes(instances))],
    }


def _companions(
    companions: list[dict[str, Any]], instances: list[Settings], defaults: Settings, problems: Problems
) -> list[dict[str, Any]]:
    names = {item["name"] for item in instances}
    found = []
    for companion in companions:
        if not companion.get("name"):
            problems.told.append(f"{problems.host}: redis_companions: each is a mapping with a name, as in containers.")
            continue
        if companion["name"] in names:
            problems.add(
                companion["name"], "name", "redis_companions has a container of that name as well. Rename one."
            )
        names.add(companion["name"])
        filled = {"image": defaults["image"], "restart": "unless-stopped"}
        found.append(companion if companion.get("state") == "absent" else {**filled, **companion})
    return found
