"""Home Assistant core with its MQTT integration and nothing else, run by a Python that has it.

Of this project nothing is imported: it runs in an environment of its own. It takes lines of JSON and answers
each with one: {"do": "states"}, {"do": "press", "entity": ...}, {"do": "complaints"}, {"do": "tables"}.
"""

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

from homeassistant import bootstrap, loader
from homeassistant.components.mqtt import abbreviations, binary_sensor, button, event, sensor
from homeassistant.config_entries import ConfigEntries, ConfigEntry
from homeassistant.const import __version__
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry, entity_registry

PLATFORMS = {"binary_sensor": binary_sensor, "button": button, "event": event, "sensor": sensor}


class Complaints(logging.Handler):
    """Keeps what it logs of warnings and errors."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "mqtt" in record.name or "template" in record.name:
            self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")


def entry_of(port: int) -> ConfigEntry:
    """The MQTT integration as its dialogue would set it up."""
    wanted = {
        "version": 2 if hasattr(ConfigEntry, "minor_version") else 1,
        "minor_version": 1,
        "domain": "mqtt",
        "title": "broker",
        "data": {"broker": "127.0.0.1", "port": port, "discovery": True, "discovery_prefix": "homeassistant"},
        "options": {},
        "source": "user",
        "unique_id": None,
        "discovery_keys": {},
        "subentries_data": None,
    }
    return ConfigEntry(**wanted)


async def started(folder: Path, port: int) -> HomeAssistant:
    """Start it; its registries are in memory or in the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "configuration.yaml").touch()
    hass = HomeAssistant(str(folder))
    hass.config.skip_pip = True
    hass.config_entries = ConfigEntries(hass, {})
    loader.async_setup(hass)
    await bootstrap.async_load_base_functionality(hass)
    hass.config.components.update({"http", "file_upload"})  # no web server: nobody looks
    await hass.config_entries.async_add(entry_of(port))
    await hass.async_start()
    await hass.async_block_till_done()
    return hass


def answer_tables() -> dict[str, Any]:
    """Keys of each platform, and abbreviations, as this version knows them."""
    found = {}
    for name, module in PLATFORMS.items():
        schema = getattr(module, "_PLATFORM_SCHEMA_BASE", None) or module.PLATFORM_SCHEMA_MODERN
        found[name] = sorted(str(key) for key in schema.schema)
    kinds = ("ABBREVIATIONS", "DEVICE_ABBREVIATIONS", "ORIGIN_ABBREVIATIONS")
    tables = [getattr(abbreviations, kind) for kind in kinds]
    return {"version": __version__, "platforms": found, "abbreviations": tables}


async def answer(hass: HomeAssistant, complaints: Complaints, asked: dict[str, Any]) -> object:
    """Do what a line asks."""
    if asked["do"] == "press":
        target = {"entity_id": asked["entity"]}
        await hass.services.async_call("button", "press", target, blocking=True)
        return "pressed"
    if asked["do"] == "complaints":
        return complaints.lines
    if asked["do"] == "tables":
        return answer_tables()
    entities = entity_registry.async_get(hass)
    devices = device_registry.async_get(hass)
    states = {
        state.entity_id: {"state": state.state, "attributes": dict(state.attributes)}
        for state in hass.states.async_all()
    }
    return {
        "states": states,
        "entities": {each.entity_id: each.unique_id for each in entities.entities.values()},
        "devices": [each.name for each in devices.devices.values()],
    }


async def main(folder: Path, port: int) -> None:
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    hass = await started(folder, port)
    loop = asyncio.get_running_loop()
    print(json.dumps({"version": __version__}), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await answer(hass, complaints, json.loads(line)), default=str), flush=True)
    await hass.async_stop(force=True)


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
