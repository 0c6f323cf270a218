# SPDX-License-Identifier: GPL-3.0-or-later
"""``containers`` up to the plan: observe, plan, check what only the kernel knows. Changes nothing."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._lock import undisturbed

from . import ports, pulls, spec
from .observe import observe, with_ties
from .outcome import Done, Outcome, outcome
from .plan import plan
from .state import STARTING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .spec import Wanted
    from .state import Host, Plan

Json = dict[str, Any]

_STOPPING = frozenset({"recreate", "clone", "restart", "start", "stop", "remove"})
"""Steps that end a run of a container, or give it a new namespace: others may depend on it."""


class Seen(NamedTuple):
    wanted: list[Wanted]
    host: Host
    pulled: list[Wanted]
    """The entries whose image is to be pulled."""
    made: Plan


def look(
    engine: Engine,
    entries: list[Json],
    *,
    pending: Iterable[str] = (),
    restarted: Mapping[str, str] = MappingProxyType({}),
    ask_registries: bool = False,
) -> Seen:
    """What is there, and what would bring the host to the list, once what is ``pending`` is there.

    ``restarted``: entry → why its container is to be restarted where nothing else has it started anew. With
    ``ask_registries`` a pull is planned only where it would bring another image, and what it would bring is left open.
    NetmodeError: a refusal.
    """
    engine.get("/version")
    wanted = spec.read(entries, engine.version)
    brings = pulls.Registries(engine).bring_another if ask_registries else lambda _one: True

    def once() -> Seen:
        host = observe(engine, wanted)._replace(pending=frozenset(pending), restarted=restarted)
        pulled = pulls.needed(host, wanted, brings)
        host = pulls.without(host, pulled) if ask_registries else host
        return Seen(wanted, host, pulled, planned(engine, host, wanted))

    return undisturbed("containers", engine.docker_host, once)


def would(engine: Engine, seen: Seen) -> Outcome:
    """What a run would do."""
    return outcome(engine, seen.wanted, Done(seen.host, seen.made, seen.pulled, []), check=True)


def planned(engine: Engine, host: Host, wanted: list[Wanted]) -> Plan:
    """The plan, once all that can be known before its first step has been looked at. NetmodeError: a refusal."""
    ports.refuse_shared(host, wanted)
    if any(one.state != "started" and one.name in host.names for one in wanted):
        host = with_ties(engine, host)
    made = plan(host, wanted)
    if not host.ties and any(step.action in _STOPPING for step in made.steps):
        made = plan(with_ties(engine, host), wanted)
    if any(step.action in STARTING for step in made.steps):
        from .taken import refuse_taken  # noqa: PLC0415 (most runs start nothing)

        refuse_taken(host, wanted, made)
    _refuse_twins(host, wanted, made)
    _refuse_host_mode_when_remapped(engine, wanted, made)
    return made


def _refuse_twins(host: Host, wanted: list[Wanted], made: Plan) -> None:
    """An engine may have several networks of one name, and starts nothing new on such a name."""
    joining = {step.name for step in made.steps if step.action in ("create", "recreate", "connect")}
    for one in wanted:
        for network in one.endpoints if one.name in joining else ():
            if network in host.twins:
                option = "network_mode" if network == one.network_mode else "networks"
                raise NetmodeError(
                    f"{one.where}: {option}: this host has {len(host.twins[network])} networks called {network} "
                    f"({', '.join(host.twins[network])}), and the engine starts nothing on a name that means several. "
                    "Remove the odd ones by id (docker network rm ID)."
                )


def _refuse_host_mode_when_remapped(engine: Engine, wanted: list[Wanted], made: Plan) -> None:
    """An engine with userns-remap lets no container into the host's network namespace: that is another user's."""
    new = {step.name for step in made.steps if step.action in ("create", "recreate")}
    joining = [one for one in wanted if one.network_mode == "host" and one.name in new]
    if joining and "name=userns" in (engine.get("/info").get("SecurityOptions") or []):
        raise NetmodeError(
            f"{joining[0].where}: network_mode: host: this engine puts every container into a user namespace of its "
            "own (userns-remap), and such a container may not have the host's network. Use network_mode: bridge and "
            "ports, or take userns-remap out of the engine's settings."
        )
