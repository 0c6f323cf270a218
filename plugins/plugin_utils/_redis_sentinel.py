# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis_sentinel_of`` and ``redis_sentinel_set`` on the controller: Sentinels, whom they watch, and refusals.

Sentinels, the servers that they watch and clients all go to where each announces itself, by addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._redis.listeners import (
    default_user,
    directives,
    needs_operator,
)
from ansible_collections.netmode.docker.plugins.module_utils._redis.sentinel import is_sentinel
from ansible_collections.netmode.docker.plugins.module_utils._redis.tls import ports_of
from ansible_collections.netmode.docker.plugins.plugin_utils._redis_replication import (
    AS_DEFAULT,
    Peers,
    UnfitError,
    announced,
    refuse_empty,
)

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._redis.problems import Problems, Settings
    from ansible_collections.netmode.docker.plugins.module_utils._redis.replication import Place
    from ansible_collections.netmode.docker.plugins.plugin_utils._redis_replication import Host

_PEERS = Peers("address", "the Sentinels of its set and clients", "the Sentinels of its set and clients")


def sentinels(instances: list[Settings], own: Host, problems: Problems) -> list[dict[str, Any]]:
    """Those of this host, and the servers that Sentinels watch, each with where it is reached.

    Their ``settings`` get what has them announce that, and what a master needs once it is a replica.
    """
    found = []
    for instance in instances:
        if instance["state"] == "absent" or not (is_sentinel(instance) or instance["sentinel_set"]):
            continue
        try:
            if not is_sentinel(instance):
                _refuse(instance)
            place = announced(own, instance["name"], _PEERS).place
        except UnfitError as error:
            problems.add(instance["name"], *error.args)
            continue
        of = _settings_of_sentinel if is_sentinel(instance) else _settings_of_watched
        instance["settings"] = of(instance, place)
        found.append(
            {
                "instance": instance["name"], "of": instance["sentinel_of"], "set": str(instance["sentinel_set"]),
                "overwrite": instance["replica_overwrite"],
                "address": place.host, "port": place.port, "tls": bool(ports_of(instance).tls),
                **{key: instance[f"sentinel_{key}"] for key in NUMBERS},
            }
        )  # fmt: skip
    return found


NUMBERS = ("quorum", "down_after", "failover_timeout", "parallel_syncs")
"""What the Sentinels of a set are told of it, all the same."""


def _refuse(instance: Settings) -> None:
    if instance["cluster"]:
        raise UnfitError("sentinel_set", "the nodes of a cluster fail over by themselves. Leave one of them out.")
    if needs_operator(instance) and "masteruser" not in directives(instance):
        raise UnfitError("sentinel_set", f"its user default is off or limited, {AS_DEFAULT}")
    if default_user(instance) and not instance["sentinel_username"] and needs_operator(instance):
        raise UnfitError(
            "sentinel_username", "its user default is off or limited, and Sentinels ask as default. Name another that "
            "may '+multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish +info +client|setname "
            "+client|kill +script|kill &__sentinel__:hello'.",
        )  # fmt: skip
    refuse_empty(instance, ", sooner than a Sentinel finds it down,")


def _settings_of_sentinel(instance: Settings, place: Place) -> dict[str, Any]:
    given = {key: value for key, value in instance["settings"].items() if str(key).lower() != "sentinel"}
    more = [value for key, value in instance["settings"].items() if str(key).lower() == "sentinel"]
    lines = [f"announce-ip {place.host}", f"announce-port {place.port}", *more]
    over_tls = {"tls-replication": "yes"} if ports_of(instance).tls and ports_of(instance).plain else {}
    return {"sentinel": lines, **over_tls, **given}


def _settings_of_watched(instance: Settings, place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {"replica-announce-ip": place.host, "replica-announce-port": place.port}
    if ports_of(instance).tls and ports_of(instance).plain:
        found["tls-replication"] = "yes"
    if instance["password"]:
        found["masterauth"] = instance["password"]
    return {**found, **instance["settings"]}
