"""From the configuration to integrations. A new one gets its line in both functions."""

from collections.abc import Iterator, Mapping

from kws.config.paths import state_folder
from kws.config.schema import Config
from kws.errors import ConfigError
from kws.integrations.actions.rules import read_rules
from kws.integrations.actions.runner import Actions
from kws.integrations.clock import seconds
from kws.integrations.group import Integrations
from kws.integrations.mqtt.archive import Archive
from kws.integrations.mqtt.broker import daemon_id, read_broker
from kws.integrations.mqtt.client import Mqtt
from kws.integrations.mqtt.topics import slug
from kws.serving.description import Description
from kws.serving.hub import Hub
from kws.typing import Integration, Muting


def check_integrations(config: Config, environment: Mapping[str, str]) -> Iterator[str]:
    """A line on each integration that is switched on, for people; starts nothing.

    Args:
        config: of the daemon.
        environment: variables.

    Raises:
        ConfigError: one cannot be used as it is configured.
    """
    if rules := read_rules(config):
        yield f"actions: {len(list(rules))}, of all keywords or of one"
    mqtt = config.integrations.mqtt
    if mqtt.url:
        broker = read_broker(mqtt)
        _archive(config, environment)
        yield f"integration: mqtt, {broker.peer}, as {daemon_id(mqtt)!r}"


def make_integrations(
    config: Config,
    hub: Hub,
    description: Description,
    environment: Mapping[str, str],
    muting: Muting | None = None,
) -> Integrations:
    """Those that are switched on.

    Args:
        config: of the daemon.
        hub: whose events they get.
        description: of the daemon.
        environment: variables.
        muting: of the daemon; None: it cannot mute.

    Raises:
        ConfigError: one cannot be used as it is configured.
    """
    members: list[Integration] = []
    if rules := read_rules(config):
        limits = config.actions
        members.append(Actions(limits, rules, hub=hub, environment=environment, clock=seconds))
    mqtt = config.integrations.mqtt
    if mqtt.url:
        members.append(
            Mqtt(
                mqtt,
                read_broker(mqtt),
                hub=hub,
                description=description,
                archive=_archive(config, environment),
                muting=muting,
                clock=seconds,
            )
        )
    return Integrations(members)


def _archive(config: Config, environment: Mapping[str, str]) -> Archive | None:
    """The archive of MQTT; None: it is off.

    Raises:
        ConfigError: there is no folder for it.
    """
    mqtt = config.integrations.mqtt
    if not mqtt.archive:
        return None
    folder = state_folder(config.state.folder, environment)
    if folder is None:
        raise ConfigError(
            "integrations.mqtt.archive: there is no folder for it here; set state.folder"
        )
    file = folder / f"mqtt-{slug(daemon_id(mqtt))}.sqlite"
    return Archive(file, mqtt.archive_events, mqtt.archive_bytes)
