"""From the configuration to integrations. A new one gets its line in both functions."""

from collections.abc import Iterator, Mapping

from kws.config.schema import IntegrationsConfig
from kws.integrations.group import Integrations
from kws.serving.description import Description
from kws.serving.hub import Hub
from kws.typing import Integration


def check_integrations(config: IntegrationsConfig, environment: Mapping[str, str]) -> Iterator[str]:
    """A line on each integration that is switched on, for people; starts nothing.

    Args:
        config: their settings.
        environment: variables.

    Raises:
        ConfigError: one cannot be used as it is configured.
    """
    yield from ()


def make_integrations(
    config: IntegrationsConfig,
    hub: Hub,
    description: Description,
    environment: Mapping[str, str],
) -> Integrations:
    """Those that are switched on.

    Args:
        config: their settings.
        hub: whose events they get.
        description: of the daemon.
        environment: variables.

    Raises:
        ConfigError: one cannot be used as it is configured.
    """
    members: list[Integration] = []
    return Integrations(members)
