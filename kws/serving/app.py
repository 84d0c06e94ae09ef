"""The app: the table of routes, and the content of each."""

import time
from http import HTTPStatus
from typing import Protocol

from kws.config.schema import ServerConfig
from kws.engine.clips import Clips
from kws.engine.engine import Engine
from kws.engine.scores import Observers
from kws.protocol.codes import AUDIO_PATH, EVENTS_PATH, SCORES_PATH
from kws.protocol.requests import parse_nothing
from kws.serving.auth import Access
from kws.serving.connections import Connections
from kws.serving.description import Description
from kws.serving.history import HistoryPages
from kws.serving.hub import Hub
from kws.serving.metrics import Metrics, Snapshot
from kws.serving.muting import MutingActions
from kws.serving.rate import MessageRate
from kws.serving.recorder import HistoryRecorder
from kws.serving.routes import (
    Action,
    Document,
    JsonResponse,
    Order,
    Page,
    Route,
    Routes,
    Search,
    Websocket,
)
from kws.serving.scores import ScoresEndpoint
from kws.serving.sender import SenderEndpoint
from kws.serving.status import health, info, public_health
from kws.serving.subscriber import SubscriberEndpoint
from kws.serving.website import website
from kws.typing import IntegrationStatuses, Muting

AUDIO_MESSAGE_LIMIT = 1024 * 1024
"""Bytes of a message with audio in it."""
AUDIO_RATE = MessageRate(per_second=400, burst=2_000)
"""Messages of audio: a browser's smallest block is 2.7 ms, and after a break 5 s come at once."""


class Watchdog(Protocol):
    """Knows whether audio is processed."""

    @property
    def stalled(self) -> str:
        """Why audio that comes is not processed; empty where it is."""
        ...


class Reload(Protocol):
    """Reads configuration and model again."""

    async def respond(self) -> JsonResponse:
        """Do so; the content of the response."""
        ...


class App:
    """All that clients can request of a daemon.

    Args:
        engine: what processes audio.
        hub: whose events.
        access: who may make requests.
        config: the port's settings.
        metrics: of the daemon.
        clips: the audio of detections.
        observers: who gets the scores of each hop.
        watchdog: of the engine.
        reload: what POST /reload does.
        switch: mutes the daemon.
        recorder: of the history; None: there is none.
        connections: who is connected.
        integrations: other systems.

    Attributes:
        routes: the table.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        hub: Hub,
        access: Access,
        config: ServerConfig,
        metrics: Metrics,
        clips: Clips,
        observers: Observers,
        watchdog: Watchdog,
        reload: Reload,
        switch: Muting,
        recorder: HistoryRecorder | None,
        connections: Connections,
        integrations: IntegrationStatuses,
    ) -> None:
        self._engine, self._hub, self._config = engine, hub, config
        self._metrics, self._clips, self._watchdog = metrics, clips, watchdog
        self._connections, self._integrations = connections, integrations
        self._reload, self._switch, self._recorder = reload, switch, recorder
        self._started = time.monotonic()
        description, queue = Description(engine, hub.run), config.queue
        subscriber = SubscriberEndpoint(hub, access, description, metrics, queue, recorder)
        scores = ScoresEndpoint(hub, access, description, observers)
        sender = SenderEndpoint(hub, access, description, metrics, queue, engine.senders, observers)
        muting, history = MutingActions(switch), HistoryPages(recorder)
        site: dict[str, Route] = {
            path: Page(file.get, file.get) for path, file in website().items()
        }
        self.routes = Routes(
            access,
            {
                EVENTS_PATH: Websocket(subscriber, "max_connections"),
                SCORES_PATH: Websocket(scores, "max_connections"),
                AUDIO_PATH: Websocket(sender, "max_streams", AUDIO_MESSAGE_LIMIT, AUDIO_RATE),
                # The page holds no secret, and who supervises the daemon needs none.
                **site,
                "/health": Page(self._health, self._public_health),
                "/info": Page(self._info),
                "/metrics": Page(self._metrics_page),
                "/events/*/audio.wav": Page(self._clip),
                "/reload": Action(self._respond_to_reload),
                "/mute": Action(muting.mute),
                "/unmute": Action(muting.unmute),
                "/history": Search(history.get),
                "/events/*/mark": Action(history.mark),
            },
        )

    def _health(self) -> JsonResponse:
        return health(
            self._engine.state(),
            self._engine.senders.states(),
            run=self._hub.run,
            uptime_s=time.monotonic() - self._started,
            stalled=self._watchdog.stalled,
            subscribers=self._connections.clients(EVENTS_PATH),
            muting=self._switch.state,
            integrations=self._integrations.statuses(),
        )

    async def _respond_to_reload(self, order: Order) -> JsonResponse:
        parse_nothing(order.body)
        return await self._reload.respond()

    def _public_health(self) -> JsonResponse:
        status, content = self._health()
        return status, public_health(content)

    def _info(self) -> JsonResponse:
        return HTTPStatus.OK, info(
            self._engine.spotter,
            keep_audio_s=self._config.keep_audio_s,
            history_days=0.0 if self._recorder is None else self._recorder.days,
        )

    def _metrics_page(self) -> Document:
        spotter = self._engine.spotter
        header = spotter.model.header
        return self._metrics.page(
            Snapshot(
                sources=self._engine.states(),
                hop_samples=round(spotter.hop_s * spotter.model.sample_rate),
                subscribers=self._connections.clients(EVENTS_PATH),
                muted=self._engine.muted,
                history_missed=None if self._recorder is None else self._recorder.missed,
                model=header.name,
                architecture=header.architecture,
                integrations=self._integrations.statuses(),
            )
        )

    def _clip(self, event: str) -> Document | None:
        clip = self._clips.get(event)
        return None if clip is None else Document("audio/wav", clip.to_wav())
