"""Home Assistant's core with its integration of MQTT: `PYTHON home_assistant.py FOLDER PORT`.

Run by a Python that has `homeassistant`, by itself: no other module of kws. It installs what its
integration needs on its first start. Prints a line of JSON for what it sees, as it comes, until its
standard input ends:

- `{"version": ...}` once it is ready
- `{"entity": ..., "state": ..., "attributes": ...}` for each state of an entity of MQTT
- `{"triggers": [...]}` the subtypes of the device's triggers, once, after the first of those states
- `{"fired": subtype}` each time that one of them fires
"""

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

_KINDS = ("event.", "binary_sensor.", "switch.")


def say(**fields: Any) -> None:
    """Print what was seen."""
    print(json.dumps(fields, default=str), flush=True)


def write_entry(folder: Path, port: int) -> None:
    """What the page of Home Assistant writes where one adds a broker to it."""
    entry = {
        "entry_id": "broker",
        "version": 1,
        "minor_version": 1,
        "domain": "mqtt",
        "title": "broker",
        "data": {"broker": "127.0.0.1", "port": port, "discovery": True},
        "options": {},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "unique_id": None,
        "disabled_by": None,
    }
    storage = folder / ".storage"
    storage.mkdir()
    content = {"version": 1, "minor_version": 1, "key": "core.config_entries"}
    text = json.dumps({**content, "data": {"entries": [entry]}})
    (storage / "core.config_entries").write_text(text)
    (folder / "configuration.yaml").write_text("homeassistant:\n  name: Test\n")


async def follow_triggers(hass: Any) -> None:
    """Tell of the device's triggers, and of each time that one fires."""
    from homeassistant.components import device_automation
    from homeassistant.helpers import device_registry, trigger

    kind = device_automation.DeviceAutomationType.TRIGGER
    (device,) = device_registry.async_get(hass).devices.values()
    found = await device_automation.async_get_device_automations(hass, kind, [device.id])
    ours = [each for each in found[device.id] if each["domain"] == "mqtt"]
    for each in ours:
        each.pop("metadata", None)

    async def fire(variables: Any, context: Any = None) -> None:
        say(fired=variables["trigger"]["payload_json"]["keyword"])

    configs = await trigger.async_validate_trigger_config(hass, ours)
    log = logging.getLogger(__name__).log
    await trigger.async_initialize_triggers(hass, configs, fire, "kws", "test", log)
    say(triggers=[each["subtype"] for each in ours])


async def main(folder: Path, port: int) -> None:
    """Run until standard input ends."""
    from homeassistant import bootstrap, const, runner

    write_entry(folder, port)
    settings = runner.RuntimeConfig(config_dir=str(folder))
    hass = await bootstrap.async_setup_hass(settings)
    assert hass is not None
    seen = asyncio.Event()

    def changed(event: Any) -> None:
        state = event.data["new_state"]
        if state is not None and state.entity_id.startswith(_KINDS):
            say(entity=state.entity_id, state=state.state, attributes=dict(state.attributes))
            if state.entity_id.startswith("event."):
                seen.set()

    hass.bus.async_listen("state_changed", changed)
    await hass.async_start()
    say(version=const.__version__)
    await seen.wait()
    await follow_triggers(hass)
    await asyncio.to_thread(sys.stdin.read)
    await hass.async_stop(force=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
