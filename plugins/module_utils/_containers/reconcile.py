# SPDX-License-Identifier: GPL-3.0-or-later
"""``containers`` from the list to the outcome: observe, plan, check what only the kernel knows, apply."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone, undisturbed

from . import ports, pulls, spec
from .apply import Applier
from .observe import observe, with_ties
from .outcome import Done, Outcome, outcome
from .plan import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .run import Watch
    from .spec import Wanted
    from .state import Host, Plan

Json = dict[str, Any]

_STOPPING = frozenset({"recreate", "clone", "restart", "start", "stop", "remove"})
"""Steps that end a run of a container, or give it a new namespace: others may depend on it."""


def bring(
    engine: Engine,
    entries: list[Json],
    *,
    check: bool,
    pending: Iterable[str] = (),
    restarted: Mapping[str, str] = MappingProxyType({}),
    between: Mapping[str, Callable[[], None]] = MappingProxyType({}),
    watch: Watch | None = None,
    ask_registries: bool = True,
) -> Outcome:
    """Bring the host to the list, or with ``check`` tell what that would take once what is ``pending`` is there.

    ``restarted``: entry → why its container is to be restarted where nothing else has it started anew; ``between``: the
    same → what is done while it is stopped for that; ``watch``: looks at what is replaced. Where ``check`` does not
    ``ask_registries``, every pull is told, and what it would bring is left open. NetmodeError: nothing was changed, or
    one step failed and the message says which.
    """
    engine.get("/version")
    wanted = spec.read(entries, engine.version)
    asks = check and ask_registries
    brings = pulls.Registries(engine).bring_another if asks else lambda _one: True

    def look() -> tuple[Host, list[Wanted], Plan]:
        host = observe(engine, wanted)._replace(pending=frozenset(pending if check else ()), restarted=restarted)
        pulled = pulls.needed(host, wanted, brings)
        host = pulls.without(host, pulled) if asks else host
        return host, pulled, _planned(engine, host, wanted)

    host, pulled, made = undisturbed("containers", engine.docker_host, look)
    applier = Applier(engine)
    applier.between, applier.watch = between, watch
    if (made.steps or pulled) and not check:
        engine.require_sdk()
        pulled = [one for one in pulled if pulls.pull(engine, one)]
        names = ", ".join(one.name for one in wanted)
        with alone("containers", f"netmode.docker.containers: {names}", engine.docker_host):
            # The pull took its time, and whoever had the lock may have changed what was seen.
            host = observe(engine, wanted)._replace(restarted=restarted)
            pulls.refuse_missing(host, wanted)
            made = _planned(engine, host, wanted)
            applier.run(made.steps)
    return outcome(engine, wanted, Done(host, made, pulled, applier.warnings), check=check)


def _planned(engine: Engine, host: Host, wanted: list[Wanted]) -> Plan:
    """The plan, once all that can be known before its first step has been looked at. NetmodeError: a refusal."""
    ports.refuse_shared(host, wanted)
    if any(one.state != "started" and one.name in host.names for one in wanted):
        host = with_ties(engine, host)
    made = plan(host, wanted)
    if not host.ties and any(step.action in _STOPPING for step in made.steps):
        made = plan(with_ties(engine, host), wanted)
    ports.refuse_taken(host, wanted, made)
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
