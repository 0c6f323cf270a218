# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of a host's Redis. One that is recreated takes the old one's place for good once it has its data."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from ansible_collections.netmode.docker.plugins.module_utils._containers.reconcile import bring
from ansible_collections.netmode.docker.plugins.module_utils._errors import NetmodeError
from ansible_collections.netmode.docker.plugins.module_utils._tuning.spec import with_sysctls

from . import drift, kept, modules, operator, previous
from .log import last_lines
from .ping import ping
from .protocol import MAX_CLIENTS, Connection, Endpoint, NotMeantError, NotRedisError, encode, let_in
from .waiting import turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.netmode.docker.plugins.module_utils._containers.outcome import Outcome
    from ansible_collections.netmode.docker.plugins.module_utils._containers.run import Turn
    from ansible_collections.netmode.docker.plugins.module_utils._engine.client import Engine

    from .kept import Data

Json = dict[str, Any]

_WITHIN = 10.0
"""Seconds that a server has to say what it has."""
_RUNS = 0.5
"""Seconds after which a companion that was started is taken to go on running."""
_FIRST = 0.02
"""Seconds until one that is starting is asked again."""


def reconcile(
    params: Json, parts: Json, engine: Engine, *, check_mode: bool, turn: Turn | None = None
) -> tuple[Outcome, Json]:
    """The module's work; beside what ``containers`` returns what was compared. NetmodeError: a failure or a refusal."""
    given = parts["files"]["instances"]
    instances = modules.settled(engine, given if check_mode else operator.with_passwords(given))
    containers = modules.started_so(parts["containers"]["containers"], modules.loading(instances))
    watch = Watch(engine, instances, params["wait"])
    try:
        outcome = bring(
            engine,
            with_sysctls(containers, params["sysctls"]),
            check=check_mode,
            pending=params["pending"],
            restarted={str(name): str(why) for name, why in params["restarted"].items()},
            watch=watch,
            turn=turn,
        )
    except NetmodeError as error:
        raise NetmodeError("\n".join([str(error), *watch.back()])) from error
    for instance in instances if not check_mode else ():
        _forget(instance)
    return outcome, watch.compared


def _forget(instance: Json) -> None:
    """What the container before needed to come back."""
    previous.forget(instance)
    operator.remove_unwanted(instance)


class Watch:
    """Looks at the Redis of a container before it is replaced and after."""

    def __init__(self, engine: Engine, instances: list[Json], wait: float) -> None:
        self._engine, self._wait = engine, wait
        self._instances = {one["name"]: one for one in instances if one["state"] == "present" and one["trial"]}
        self._had: dict[str, Data] = {}
        self._back: dict[str, str] = {}
        self.compared: Json = {}
        """Instance → keys of each database, and how many values were compared."""

    def before_stop(self, name: str, container: str) -> None:
        """One that does not say what it has is not compared."""
        known = self._instances.get(name)
        if known is None or known.get("sentinel") or self._state(container)["Paused"]:
            return
        try:
            had = self._before(name, container)
        except (OSError, NotMeantError, NotRedisError):
            return
        if had:  # the role's own user, as which the new one is asked, reads no values
            self._had[name] = had._replace(sample={}) if self._instances[name]["operator"] else had

    def _before(self, name: str, container: str) -> Data | None:
        """Of one that lets in as its redis.conf says, which may be about to change."""
        instance = self._instances[name]
        redis = drift.running(instance, container, previous.content(instance))
        if redis is None:
            return None
        with closing(Connection(redis.endpoint, _WITHIN, MAX_CLIENTS)) as own:
            return None if drift.let_in(own, redis) else kept.before(own)

    def started(self, name: str, container: str) -> None:
        """Wait until the new one answers. NetmodeError: it does not, or not with the data of the one before.

        A companion is to go on running for a moment: where it ends, so does the network of those that share it.
        """
        if name not in self._instances:
            self._refuse_ending(name, container)
            return
        had = self._had.get(name)
        for _ in turns(time.monotonic() + self._wait, _FIRST):
            why = self._why_not(name, container, had)
            if not why:
                _forget(self._instances[name])
                return
            if self._has_ended(container):
                raise self._failed(name, container, f"does not come up in its new container ({why})")
        late = f"does not answer in its new container within {self._wait:g} s ({why})"
        raise self._failed(name, container, f"{late}. It may need more (wait, which is redis_start_timeout)")

    def _refuse_ending(self, name: str, container: str) -> None:
        until = time.monotonic() + _RUNS
        while time.monotonic() < until:
            time.sleep(_RUNS / 5)
            found = self._engine.get(f"/containers/{container}/json")
            ended = not found["State"]["Running"] and found["State"]["ExitCode"]
            if ended or found["RestartCount"] > 0:
                raise NetmodeError(f"{name}: its new container ends at once.\n{last_lines(self._engine, container)}")

    def put_back(self, name: str, container: str) -> None:
        """Its redis.conf first."""
        if name in self._instances:
            previous.put_back(self._instances[name])
            self._back[name] = container

    def back(self) -> list[str]:
        """Waits for the old ones that were put back, which have as much time as the new. A line for each."""
        until = time.monotonic() + self._wait
        return [self._whether_back(name, container, until) for name, container in self._back.items()]

    def _whether_back(self, name: str, container: str, until: float) -> str:
        while True:
            told = ping(self._endpoint(name, container), _WITHIN)
            if told["reachable"] and not str(told["answer"]).startswith("LOADING"):
                return "It answers again."
            if time.monotonic() > until:
                why = f"does not answer in its old container ({told['error'] or told['answer']})"
                return str(self._failed(name, container, why))
            time.sleep(_FIRST)

    def _why_not(self, name: str, container: str, had: Data | None) -> str:
        """Why it is not up yet, or empty. NetmodeError: it is, without its data."""
        try:
            with self._asked(name, container, _WITHIN) as own:
                own.send(encode("PING"))
                answer = str(own.reply())
                if answer != "PONG" or had is None:
                    return "" if answer == "PONG" else answer
                has, changed = kept.after(own, had)
        except (OSError, NotMeantError, NotRedisError) as error:
            return str(error)
        lost = kept.missing(had, has, changed)
        if lost:
            raise NetmodeError(f"{name}: its Redis comes up in its new container without its data: {lost}")
        self.compared[name] = {"keys": {str(at): number for at, number in has.keys.items()}, "values": len(had.sample)}
        return ""

    def _has_ended(self, container: str) -> bool:
        """Also one that its engine starts again."""
        found = self._engine.get(f"/containers/{container}/json")
        return not found["State"]["Running"] or found["RestartCount"] > 0

    def _state(self, container: str) -> Json:
        state: Json = self._engine.get(f"/containers/{container}/json")["State"]
        return state

    def _failed(self, name: str, container: str, why: str) -> NetmodeError:
        return NetmodeError(f"{name}: its Redis {why}.\n{last_lines(self._engine, container)}")

    @contextmanager
    def _asked(self, name: str, container: str, seconds: float) -> Iterator[Connection]:
        endpoint = self._endpoint(name, container)
        with closing(Connection(endpoint, seconds, MAX_CLIENTS)) as own:
            refused = let_in(own, endpoint)
            if refused:
                raise NotMeantError(refused)
            yield own

    def _endpoint(self, name: str, container: str) -> Endpoint:
        instance = self._instances[name]
        username, password = operator.credentials(instance) or (None, None)
        at = f"{instance['socket_directory']}/redis.sock"
        return Endpoint(name, socket=at, username=username, password=password, container=container)
