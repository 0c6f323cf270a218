# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations in a random order, with clients that write all the while: no acknowledged write is lost."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, assume, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from operated import OPERATIONS, Operated, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab import Host, Play

pytestmark = [pytest.mark.engines, pytest.mark.spread, pytest.mark.usefixtures("shape_images", "no_files_left")]


class Operations(RuleBasedStateMachine):
    """One run. It takes minutes: where it fails, another says the same without doing anything."""

    begin: ClassVar[Callable[[], Operated]]
    tell: ClassVar[Callable[[str], None]]
    failed: ClassVar[dict[int, BaseException]] = {}
    """Step → how it failed."""

    def __init__(self) -> None:
        super().__init__()
        self.redis: Operated | None = None
        self.step, self.left = 0, [*OPERATIONS]
        """Left of a round: no operation is drawn again before every other."""

    @initialize(drawn=st.booleans())
    def deploy(self, drawn: bool) -> None:
        assume(drawn)  # the first of all runs is the simplest one, with the same operation over and over
        if not self.failed:
            self.redis = type(self).begin()

    @rule(
        operation=st.runner().flatmap(lambda machine: st.sampled_from(sorted(machine.left))),
        pick=st.integers(0, 11),
    )
    def operate(self, operation: str, pick: int) -> None:
        self.step += 1
        self.left.remove(operation)
        self.left = self.left or [*OPERATIONS]
        if self.redis is None:
            if self.step in self.failed:
                raise self.failed[self.step]
            return
        was, begun = self.redis.mode, time.monotonic()
        try:
            getattr(self.redis, operation)(pick)
            self.redis.is_right()
        except BaseException as error:
            self.failed[self.step] = error
            raise
        finally:
            place = self.redis.mode if self.redis.mode == was else f"{was} to {self.redis.mode}"
            gaps = ", ".join(f"{gap:.2f} s {client}" for client, gap in self.redis.gaps.items())
            took = f"{time.monotonic() - begun:.1f} s"
            type(self).tell(f"{self.step} {operation}({pick}) in {place}, {self.redis.shape}: {took}, gaps {gaps}")

    def teardown(self) -> None:
        if self.redis:
            self.redis.end()


@pytest.mark.parametrize("steps", [12, pytest.param(50, marks=pytest.mark.thorough)])
def test_no_acknowledged_write_is_lost_whatever_is_done_to_a_redis_in_whatever_order(
    host: Host, play: Callable[..., Play], tell: Callable[[str], None], steps: int
) -> None:
    made: list[Operated] = []

    class Run(Operations):
        @staticmethod
        def begin() -> Operated:
            made.append(Operated(host, play))
            return made[-1]

    Run.tell, Run.failed = staticmethod(tell), {}
    drawn = int(os.environ.get("NETMODE_SEED", 15 if steps == 12 else random.randrange(10**6)))
    tell(f"NETMODE_SEED={drawn}")
    options = settings(
        max_examples=1, stateful_step_count=steps + 1, phases=[Phase.generate], deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        run_state_machine_as_test(seed(drawn)(Run), settings=options)
    finally:
        for one in made:
            one.end()
            for line in told(one.figures, one.promoted):
                tell(line)
    assert len(made) == 1
