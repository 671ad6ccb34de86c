"""The printable card of a device: its name, its broker and topics, and how to check that it works."""

import html
import io
from typing import Final

import segno

from deploy.provisioning.cells import Platform
from deploy.provisioning.sheet import Device

_STYLE: Final = """\
@page { size: A6 landscape; margin: 8mm } body { font: 10pt sans-serif; max-width: 132mm }
h1 { font-size: 18pt; margin: 0 } svg { float: right; width: 36mm; height: 36mm } code { font-size: 9pt }
li { margin: 1mm 0 } table { border-spacing: 0 } td { padding-right: 4mm; vertical-align: top }"""


def topics_url(device: Device) -> str:
    """What the QR code holds: the broker and this device's topics."""
    return f"mqtts://{device.broker}:{device.broker_port}/steadyhum/{device.site}/{device.name}/#"


def card_html(device: Device, valid_until: str) -> str:
    """Return one self-contained HTML page."""
    picture = io.BytesIO()
    code = segno.make(topics_url(device), error="m", micro=False)
    # A border of four modules is what readers need: ISO/IEC 18004.
    code.save(picture, kind="svg", xmldecl=False, svgclass=None, lineclass=None, omitsize=True, border=4)
    sensors = "".join(
        f"<tr><td>{_safe(sensor.name)}</td><td><code>{_safe(sensor.port)}</code></td></tr>"
        for sensor in device.sensors
    )
    steps = "".join(f"<li>{step}</li>" for step in _steps(device))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_safe(device.name)}</title>'
        f"<style>{_STYLE}</style>{picture.getvalue().decode()}<h1>{_safe(device.name)}</h1>"
        f"<p>{_safe(device.site)}, broker {_safe(device.broker)}<br>certificate until {valid_until}</p>"
        f"<table>{sensors}</table><ol>{steps}</ol></html>\n"
    )


def _steps(device: Device) -> list[str]:
    topic = f"steadyhum/{_safe(device.site)}/{_safe(device.name)}"
    first = {
        Platform.PI: "Put the card in, plug sensor, network and power in, wait three minutes.",
        Platform.JETSON: "Copy the folder <code>steadyhum</code> there, <code>sudo sh install.sh</code>",
    }[device.platform]
    learns = [_safe(sensor.name) for sensor in device.sensors if sensor.learns]
    lessons = [
        f"{name} learns its machine: record it in good order,"
        f" <code>sudo edge-runtime commission {name} learn</code>"
        for name in learns
    ]
    return [
        first,
        f"<code>{topic}/availability</code> says <b>online</b>.",
        *lessons,
        "Something wrong? <code>sudo edge-runtime doctor</code> says what, and how to mend it.",
    ]


def _safe(text: str) -> str:
    return html.escape(text)
