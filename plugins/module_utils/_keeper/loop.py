# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper: answers the starts of containers with what Docker does not do by itself.

A declared interface is made again in a container that has a new network namespace, and a sharer joins its donor again.
What is to be done is what the modules ``interfaces`` and ``containers`` would do; here is only when.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._engine.direct import LeanEngine
from ansible_collections.netmode.docker.plugins.module_utils._engine.events import wait_for
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._facts.observe import observe
from ansible_collections.netmode.docker.plugins.module_utils._lock import alone

from .interfaces import keep_interfaces
from .journal import Journal
from .observe import kept
from .plan import Look, Pace
from .sharers import Sharers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ansible_collections.netmode.docker.plugins.module_utils._engine.events import Events

    Facts = dict[str, Any]


class Keeper:
    """``tell`` takes one line per act. ``ignore``: containers that are left alone, by name."""

    def __init__(self, docker_host: str, ignore: Iterable[str], tell: Callable[[str], None]) -> None:
        self.docker_host = docker_host
        self.engine = LeanEngine(docker_host, 60)
        self.ignore = frozenset(ignore)
        self._pace = Pace()
        self._journal = Journal(docker_host, self.ignore, self._pace, tell)
        self._sharers = Sharers(docker_host, self.ignore, self._journal)

    def run(self) -> None:
        """Until the process is ended. Whatever it was doing then is complete or completed by the next one."""
        path = self.docker_host[len("unix://") :]
        engine = f"the engine at {self.docker_host}"
        while True:
            self.engine = LeanEngine(self.docker_host, 60)
            with wait_for(self.engine, path, "start", "rename") as events:
                begun = time.monotonic()
                self._journal.note(engine=self.engine.version)
                self._journal.say(f"listens to Docker Engine {self.engine.version}")
                try:
                    self._look(None, begun)
                    self._journal.note(looked=True)
                    self._journal.write()
                    self._follow(events)
                except NetmodeError as error:
                    self._journal.note(engine=None)
                    self._journal.say(str(error))
            # One that is there and fails is asked later and later; one that goes is waited for by the next turn.
            time.sleep(self._pace.started(engine, time.monotonic()))

    def _follow(self, events: Events) -> None:
        sources: list[Events | int] = [events, self._sharers.wakeup]
        while True:
            heard = select.select(sources, [], [], self._pace.next(time.monotonic()))[0]
            begun = time.monotonic()
            if self._sharers.wakeup in heard:
                self._sharers.hear(begun)
            names = {self._started(event, begun) for event in events.read()} | self._pace.over(begun)
            if names or self._sharers.wakeup in heard:
                self._look(names, begun)

    def _started(self, event: Facts, now: float) -> str:
        name = str(event["Actor"]["Attributes"].get("name") or event["Actor"]["ID"][:12])
        if event["Action"] == "start":
            wait = self._pace.started(name, now)
            if wait:
                self._journal.say(f"{name}: starts again and again, so what it calls for waits {wait:.0f} s")
        return name

    def _look(self, names: set[str] | None, begun: float) -> None:
        """See what the starts of these containers call for, or with None all that there is, and do it."""
        # Under the lock, so that nobody changes what is seen before it is acted on.
        with alone("interfaces", "netmode-keeper", self.docker_host):
            seen = observe(self.engine)
            if seen["limited"]:
                raise NetmodeError("The keeper may not look into network namespaces. It has to run as root.")
            look = Look(kept(seen, self.ignore), names, begun)
            self._pace.forget(look.containers.keys())
            keep_interfaces(self.engine, seen, look, self._journal)
        self._sharers.keep(self.engine, look)
        self._journal.write()
