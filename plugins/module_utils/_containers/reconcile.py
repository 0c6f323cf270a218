# SPDX-License-Identifier: GPL-3.0-or-later
"""``containers`` from the list to the outcome: look, and apply under the lock."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from . import pulls
from .look import look, planned, would
from .observe import observe
from .outcome import Done, Outcome, outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .run import Turn, Watch

Json = dict[str, Any]


def bring(
    engine: Engine,
    entries: list[Json],
    *,
    check: bool,
    pending: Iterable[str] = (),
    restarted: Mapping[str, str] = MappingProxyType({}),
    between: Mapping[str, Callable[[], None]] = MappingProxyType({}),
    watch: Watch | None = None,
    turn: Turn | None = None,
) -> Outcome:
    """Bring the host to the list, or with ``check`` tell what that would take once what is ``pending`` is there.

    ``restarted``: entry → why its container is to be restarted where nothing else has it started anew; ``between``: the
    same → what is done while it is stopped for that; ``watch``: looks at what is replaced, ``turn`` at all that is
    stopped. NetmodeError: nothing was changed, or one step failed and the message says which.
    """
    if check:
        return would(engine, look(engine, entries, pending=pending, restarted=restarted, ask_registries=True))
    wanted, host, pulled, made = look(engine, entries, restarted=restarted)
    warnings: list[str] = []
    if made.steps or pulled:
        from .apply import Applier  # noqa: PLC0415 (most runs change nothing)

        engine.require_sdk()
        applier = Applier(engine)
        applier.between, applier.watch, applier.turn = between, watch, turn
        pulled = [one for one in pulled if pulls.pull(engine, one)]
        names = ", ".join(one.name for one in wanted)
        with alone("containers", f"netmode.docker.containers: {names}", engine.docker_host):
            # The pull took its time, and whoever had the lock may have changed what was seen.
            host = observe(engine, wanted)._replace(restarted=restarted)
            pulls.refuse_missing(host, wanted)
            made = planned(engine, host, wanted)
            applier.run(made.steps)
        warnings = applier.warnings
    return outcome(engine, wanted, Done(host, made, pulled, warnings), check=False)
