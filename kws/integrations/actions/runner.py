"""The integration: detections start their actions, a few at a time, and none comes late."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

from kws.config.schema import ActionsConfig
from kws.engine.waiting import LoopEvent
from kws.integrations.actions.command import run_command
from kws.integrations.actions.errors import ActionError
from kws.integrations.actions.rules import Action, Command, Rules
from kws.integrations.actions.webhook import send
from kws.integrations.inbox import Inbox
from kws.protocol.events import Detected, Event
from kws.serving.hub import Hub
from kws.typing import Clock, IntegrationStatus

log = logging.getLogger(__name__)

PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Between two attempts of a webhook."""
OUTCOMES = ("done", "failed", "expired", "dropped")


@dataclass(frozen=True)
class Job:
    """An action that a detection starts.

    Attributes:
        action: which.
        event: the detection.
        until: the moment after which it does not start any more, by the clock.
    """

    action: Action
    event: Event
    until: float


class Actions:
    """Commands and webhooks of detections.

    Args:
        config: their limits.
        rules: which there are.
        hub: whose events.
        environment: variables that commands get.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        config: ActionsConfig,
        rules: Rules,
        *,
        hub: Hub,
        environment: Mapping[str, str],
        clock: Clock,
    ) -> None:
        self._config, self._rules, self._hub = config, rules, hub
        self._environment, self._clock = environment, clock
        self._counts = Counter(dict.fromkeys(OUTCOMES, 0))
        self._waiting: deque[Job] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._failing: dict[Action, str] = {}
        self._inbox: Inbox | None = None
        self._woken: LoopEvent | None = None
        self._serving: asyncio.Task[None] | None = None
        self._stopping = False

    def status(self) -> IntegrationStatus:
        """How it is now: not connected while an action's last attempt has failed."""
        counts = dict(self._counts)
        if self._inbox is not None:
            counts["dropped"] += self._inbox.missed
        reasons = [f"{action.name} {reason}" for action, reason in self._failing.items()]
        names = ", ".join(sorted({each.name for each in self._rules}))
        return IntegrationStatus("actions", names, not reasons, "; ".join(reasons), counts)

    async def start(self) -> None:
        """Begin to take events."""
        self._woken = LoopEvent()
        self._inbox = Inbox(self._hub, self._woken, self._clock)
        self._serving = asyncio.create_task(self._serve())

    async def stop(self) -> None:
        """End, with what detections have started already."""
        if self._serving is None or self._woken is None:
            return
        self._stopping = True
        self._woken.set()
        try:
            await self._serving
        finally:
            # Where that takes too long.
            for each in (*self._running, self._serving):
                each.cancel()
            await asyncio.gather(*self._running, self._serving, return_exceptions=True)

    async def _serve(self) -> None:
        assert self._woken is not None
        while True:
            self._take_events()
            self._begin_jobs()
            if self._stopping and not self._waiting and not self._running:
                return
            await self._woken.wait()
            self._woken.clear()

    def _take_events(self) -> None:
        assert self._inbox is not None
        for arrival in self._inbox.take():
            body = arrival.event.body
            if not isinstance(body, Detected):
                continue
            until = arrival.at + self._config.expire_s
            for action in self._rules.of(body.keyword):
                self._waiting.append(Job(action, arrival.event, until))
        while len(self._waiting) > self._config.queue:
            job = self._waiting.popleft()
            self._count("dropped", job, f"was not started: {self._config.queue} others wait")

    def _begin_jobs(self) -> None:
        while self._waiting and len(self._running) < self._config.at_once:
            job = self._waiting.popleft()
            if self._clock() > job.until:
                self._count("expired", job, f"was not started within {self._config.expire_s:g} s")
                continue
            task = asyncio.create_task(self._do(job))
            self._running.add(task)
            task.add_done_callback(self._is_done)

    def _is_done(self, task: "asyncio.Task[None]") -> None:
        assert self._woken is not None
        self._running.discard(task)
        self._woken.set()

    async def _do(self, job: Job) -> None:
        try:
            if isinstance(job.action, Command):
                seconds = self._config.timeout_s
                await run_command(job.action, job.event, self._environment, seconds)
            else:
                await self._send(job)
        except ActionError as error:
            self._count("failed", job, f"{error}")
            return
        self._counts["done"] += 1
        if self._failing.pop(job.action, None) is not None:
            log.info("%s works again", job.action.name)

    async def _send(self, job: Job) -> None:
        """Send to a webhook, again and again while the event is not too old.

        Raises:
            ActionError: of the last attempt.
        """
        assert not isinstance(job.action, Command)
        attempt = 0
        while True:
            try:
                return await send(job.action, job.event, self._config.timeout_s)
            except ActionError as error:
                pause = PAUSES_S[min(attempt, len(PAUSES_S) - 1)]
                if not error.again or self._clock() + pause > job.until or self._stopping:
                    raise
                attempt += 1
                await asyncio.sleep(pause)

    def _count(self, outcome: str, job: Job, reason: str) -> None:
        """Count what became of an action, and say it once for as long as it is the same."""
        self._counts[outcome] += 1
        if self._failing.get(job.action) != reason:
            log.warning("%s %s", job.action.name, reason)
            self._failing[job.action] = reason
