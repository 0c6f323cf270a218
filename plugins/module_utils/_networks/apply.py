# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a plan for networks, done by the engine. A network that could not be recreated is put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._compose.names import MADE_LABEL
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError, NotFoundError

from .compare import pool_body
from .observe import observe_attachments

if TYPE_CHECKING:
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .plan import (
        Attachment,
        Step,
    )
    from .spec import (
        Network,
    )


def apply(engine: Engine, step: Step) -> str:
    """Carries one step out. The network's id, empty once it is removed."""
    network, current = step.change.entry.network, step.change.current
    if step.change.kind == "create":
        return _create(engine, network)
    if current is None:
        raise NetmodeError(f"network {network.name}: there is nothing to {step.change.kind}.")
    if step.change.kind == "remove":
        _remove(engine, current)
        return ""
    return _recreate(engine, step, current)


def _recreate(engine: Engine, step: Step, current: Network) -> str:
    try:
        for item in step.attachments:
            _disconnect(engine, current, item)
        _remove(engine, current)
        new = _create(engine, step.change.entry.network)
        for item in step.attachments:
            _connect(engine, step.change.entry.network, new, item)
    except NetmodeError as error:
        names = ", ".join(item.container for item in step.attachments) or "none"
        try:
            _put_back(engine, step, current)
        except NetmodeError as second:
            raise NetmodeError(
                f"{_sentence(error)} Putting the old network back failed as well: {_sentence(second)} "
                f"Containers that were on it: {names}. Fix the cause, run again, and connect those that are off it."
            ) from error
        raise NetmodeError(
            f"{_sentence(error)} The network is again as it was, with its containers: {names}."
        ) from error
    return new


def _sentence(error: NetmodeError) -> str:
    return str(error).rstrip(".") + "."


def _put_back(engine: Engine, step: Step, current: Network) -> None:
    """The old network with its containers, from whatever state a failed recreate left."""
    by_name = [item for item in engine.get("/networks") if item["Name"] == current.name]
    old_id = next((item["Id"] for item in by_name if item["Id"] == current.id), "")
    if not old_id:
        for item in by_name:
            new = current._replace(id=item["Id"])
            for attachment in step.attachments:
                _disconnect(engine, new, attachment)
            _remove(engine, new)
        old_id = _create(engine, current)
    attached = observe_attachments(engine, [current._replace(id=old_id)])[old_id]
    on_it = {item.container_id for item in attached}
    for attachment in step.attachments:
        if attachment.container_id not in on_it:
            _connect(engine, current, old_id, attachment)


def _create(engine: Engine, network: Network) -> str:
    body = {
        "Name": network.name,
        "CheckDuplicate": True,
        "Driver": network.driver,
        "Options": network.options,
        "IPAM": {
            "Driver": network.ipam_driver,
            "Options": network.ipam_options,
            "Config": [pool_body(pool) for pool in network.pools],
        },
        "Internal": network.internal,
        "Attachable": network.attachable,
        "EnableIPv6": network.ipv6,
        "Labels": {**network.labels, MADE_LABEL: ""},
    }
    if not network.ipv4:
        body["EnableIPv4"] = False
    answer = engine.post(f"network {network.name}: create", "/networks/create", body)
    return str(answer["Id"])


def _remove(engine: Engine, network: Network) -> None:
    with engine.changing(f"network {network.name}: remove") as client:
        client.remove_network(network.id)


def _disconnect(engine: Engine, network: Network, item: Attachment) -> None:
    try:
        engine.get(f"/containers/{item.container_id}/json")
    except NotFoundError:  # it went away by itself
        return
    with engine.changing(f"network {network.name}: disconnect container {item.container}") as client:
        client.disconnect_container_from_network(item.container_id, network.id)


def _connect(engine: Engine, network: Network, network_id: str, item: Attachment) -> None:
    what = f"network {network.name}: connect container {item.container}"
    body = {"Container": item.container_id, "EndpointConfig": endpoint_config(item)}
    try:
        engine.post(what, f"/networks/{network_id}/connect", body)
    except NotFoundError:
        if not any(entry["Id"] == item.container_id for entry in engine.get("/containers/json", all=True)):
            return
        raise


def endpoint_config(item: Attachment) -> dict[str, Any]:
    """What the user asked of the endpoint; what the engine gave by itself (addresses, its alias) it gives again.

    The MAC address is not among it: engines before 25 give a container's own to it again, later ones drop what is sent
    (moby/moby 48192), so a plan never gets here with one.
    """
    old = item.endpoint
    config = {key: old[key] for key in ("IPAMConfig", "Links", "DriverOpts", "GwPriority") if old.get(key)}
    config["Aliases"] = [alias for alias in old.get("Aliases") or [] if alias != item.container_id[:12]]
    return config
