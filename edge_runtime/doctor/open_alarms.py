"""What is open: by the running service's own book, through its door, or as it was left on disk."""

from collections.abc import Sequence
from typing import Any, Final

from edge_runtime.book import OpenAlarm, entry_of, read_kept
from edge_runtime.configuration import Config
from edge_runtime.core import AlarmKind, EdgeError, printable
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Finding, Findings, ok, skipped, warning
from edge_runtime.door import DoorClient, candidates
from edge_runtime.messages import reason_of, rfc3339
from edge_runtime.spool import left_alarms, service_pid

_ABOUT: Final = "alarms"
_KINDS: Final = {
    AlarmKind.ANOMALY: ("an anomaly", "See to the machine, and say so"),
    AlarmKind.SENSOR: ("a sensor fault", "Examine its line (stop the service, then run this again)"),
    AlarmKind.MODEL: ("a fault of the model", "See the model's findings; copy it again, or fit it again"),
    AlarmKind.STATE: ("another operating state", "Say the state, or record it and learn again"),
}
"""In words, and what to do."""
_LOG: Final = "See the findings about it here, and the service's log: journalctl -u edge-runtime"
_MOST_TEXT: Final = 300
"""Characters of what others wrote."""


def examine_alarms(config: Config) -> Findings:
    """Say what is open and what the service finds wrong, in the words that everybody gets."""
    try:
        if service_pid(config.state_folder) is None:
            left = left_alarms(config.state_folder)
            yield from _alarms(
                [entry_of(key, alarm) for key, alarm in left.items()], "when the service ended"
            )
        else:
            yield from _asked(config)
    except EdgeError as error:
        where = f"{error.where}: " if error.where else ""
        yield skipped(Check.ALARM_OPEN, _ABOUT, f"not known: {where}{error.what}")


def _asked(config: Config) -> list[Finding]:
    with DoorClient(*candidates(config.door, config.state_folder)) as client:
        if (client.about["site"], client.about["device"]) != (config.site.site, config.site.device):
            return [skipped(Check.ALARM_OPEN, _ABOUT, "not known: another device's service answers")]
        kept, said = client.call("alarms.book"), client.call("status")
    alarms = [read_kept(entry)[1] for entry in kept]
    return [*_alarms(alarms, ""), *_troubles(said, alarms)]


def _alarms(alarms: Sequence[OpenAlarm], when: str) -> Findings:
    if not alarms:
        yield ok(Check.ALARM_OPEN, _ABOUT, f"none was open {when}" if when else "none is open")
    for alarm in sorted(alarms, key=lambda alarm: (alarm.sensor, alarm.start_us)):
        yield _alarm(alarm, f"; so it was {when}" if when else "")


def _alarm(alarm: OpenAlarm, when: str) -> Finding:
    """One alarm as a finding; one that somebody has put aside is no warning."""
    kind, remedy = _KINDS[alarm.kind]
    parts = [f"{kind} since {rfc3339(alarm.start_us)}", reason_of(alarm)]
    if alarm.kind is AlarmKind.ANOMALY and alarm.threshold is not None:
        parts.append(f"peak {alarm.peak:.4g} of {alarm.threshold:.4g}")
    if alarm.acknowledged:
        parts.append(f"acknowledged by {alarm.acknowledged.who}")
    if alarm.shelved:
        parts.append(f"shelved until {rfc3339(alarm.shelved.until_us)} by {alarm.shelved.who}")
    if alarm.suppressed:
        parts.append(f"suppressed: {alarm.suppressed}")
    verb = "acknowledge"
    if not alarm.active:
        parts.append("over, and latched")
        remedy, verb = "If it may end", "reset"
    what = ", ".join(printable(part, _MOST_TEXT) for part in parts if part) + when
    if alarm.shelved or alarm.suppressed:
        return ok(Check.ALARM_OPEN, alarm.sensor, what)
    return warning(Check.ALARM_OPEN, alarm.sensor, what, f"{remedy}: edge-runtime alarms {verb} {alarm.id}")


def _troubles(said: dict[str, Any], alarms: Sequence[OpenAlarm]) -> Findings:
    """What the service says, but for sensors whose open alarms say it, and the clock, which is asked here."""
    known = {f"sensor {alarm.sensor}" for alarm in alarms if alarm.kind is not AlarmKind.ANOMALY}
    for part, text in said["troubles"].items():
        if part not in known | {"clock"}:
            what = f"the service says: {printable(text, _MOST_TEXT)}"
            yield warning(Check.SERVICE_TROUBLE, printable(part), what, _LOG)
