"""`edge-runtime update` and `models`: take up what the plant signed, see what runs, and go back."""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from edge_runtime.cli.asking import PACKAGED, AsJson, connect
from edge_runtime.configuration import read_config
from edge_runtime.core import AccessError, EdgeError, UnavailableError, printable

ConfigFile = Annotated[Path, typer.Option("--config", metavar="FILE", help="The site's TOML file.")]
_WAIT_S: Final = 90.0
"""For the service to open a model: it proves itself once more, which may take a minute on a busy board."""
_LOOK_S: Final = 0.2
_WORDS: Final = {
    "new": "taken up",
    "same": "is run already",
    "back": "sent back",
    "none": "goes on",
    "refused": "refused",
}
_SHOWN: Final = 12
"""Digits of a SHA-256: enough to tell models apart."""


def update(
    source: Annotated[
        str, typer.Argument(metavar="[SOURCE]", help="A folder, a stick, or an http(s):// address.")
    ] = "",
    config: ConfigFile = PACKAGED,
    retry: Annotated[bool, typer.Option("--retry", help="Also what was sent back before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take up the models that the plant has signed for this device."""
    read = read_config(config)
    try:
        from edge_runtime.gateway import in_place
        from edge_runtime.gateway import update as take_up
    except ImportError as error:
        what = f"the library that verifies updates is not installed ({error.name})"
        raise UnavailableError(what, where="tuf", remedy="pip install steadyhum[updates]") from error
    changed: list[str] = []
    worst = 0
    with _as_owner(read.state_folder):
        for outcome in take_up(read, source, retry=retry):
            worst = max(worst, outcome.exit_code)
            if outcome.what in ("new", "back"):
                changed.append(outcome.sensor)
            digest = f" {outcome.sha256[:_SHOWN]}" if outcome.sha256 else ""
            why = f": {printable(outcome.why, 1000)}" if outcome.why else ""
            plain = f"{outcome.sensor}: {_WORDS[outcome.what]}{digest}{why}"
            typer.echo(json.dumps(asdict(outcome)) if as_json else plain)
        wanted = {each.name: in_place(read, each) for each in read.sensor if each.name in changed}
    if wanted:
        worst = max(worst, _tell(config, wanted, as_json=as_json))
    raise typer.Exit(worst)


def models(
    config: ConfigFile = PACKAGED,
    back: Annotated[
        str, typer.Option("--back", metavar="SENSOR", help="Run the model before, and never this one again.")
    ] = "",
    note: Annotated[str, typer.Option(help="--back: why; kept with your name.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say which model each sensor runs, since when, from where, and what was done; or go back by hand."""
    read = read_config(config)
    from edge_runtime.gateway import go_back, taken_up_models

    with _as_owner(read.state_folder):
        digest = go_back(read, back, note) if back else ""
        found = taken_up_models(read)
    if back:
        said = {"sensor": back, "sha256": digest}
        typer.echo(json.dumps(said) if as_json else f"{back}: back to {digest[:_SHOWN]}")
        raise typer.Exit(_tell(config, {back: digest}, as_json=as_json))
    running: dict[str, dict[str, Any]] = {}
    with contextlib.suppress(EdgeError), connect(config, None) as client:
        running = {said["sensor"]: said for said in client.call("models.list")}
    for each in found:
        runs = running.get(each.sensor, {})
        if as_json:
            typer.echo(json.dumps({**asdict(each), "runs": runs or None}))
            continue
        for line in _lines(asdict(each), runs):
            typer.echo(printable(line, 1000))


def _lines(each: dict[str, Any], runs: dict[str, Any]) -> list[str]:
    """What is said of one sensor."""
    name = each["sensor"]
    running = (
        f"{runs['name'] or 'no model'} {runs['sha256'][:_SHOWN]}" if runs else "the service does not run"
    )
    lines = [f"{name}: {running}, {each['freshness']}"]
    if each["since_s"]:
        lines.append(f"{name}: {each['target']} since {_time(each['since_s'])}, from {each['source']}")
    if runs.get("probation"):
        lines.append(f"{name}: on probation")
    if each["sha256"]:
        before = each["previous"][:_SHOWN] or "the file that the configuration names"
        lines.append(f"{name}: --back would run {before}")
    if problem := each["problem"] or runs.get("problem", ""):
        lines.append(f"{name}: {problem}")
    for entry in each["history"]:
        about = f"{entry['what']} {entry['sha256'][:_SHOWN]} {entry['who']} {entry['why']}"
        lines.append(f"{name}: {_time(entry['at_s'])} {about}")
    return lines


def _time(at_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))


@contextlib.contextmanager
def _as_owner(state_folder: Path) -> Iterator[None]:
    """Become the state folder's owner for good where root asks, and say in words what a disk refuses.

    For good, and not for the length of the block: foreign models are tried in children of this process.
    """
    if os.geteuid() == 0:
        if not state_folder.is_dir():
            what, remedy = "there is no state folder yet", "Start the service once, which makes it"
            raise UnavailableError(what, where=str(state_folder), remedy=remedy)
        owner = state_folder.stat()
        if owner.st_uid:
            os.setgroups([owner.st_gid])
            os.setgid(owner.st_gid)
            os.setuid(owner.st_uid)
    try:
        yield
    except OSError as error:
        what, where = error.strerror or str(error), str(error.filename or state_folder)
        remedy = "Run this as root, or as the user of the service; see to the disk"
        raise AccessError(what, where=where, remedy=remedy) from error


def _tell(config: Path, wanted: Mapping[str, str], *, as_json: bool) -> int:
    """Let the service run what is in place now and wait for it, by sensor and SHA-256; the exit code."""
    try:
        client = connect(config, None)
    except UnavailableError:
        typer.echo("the service does not run: it begins with what is in place", err=as_json)
        return 0
    with client:
        before = _reloads(client.call("models.list"))
        client.call("models.follow")
        until_s, missing = time.monotonic() + _WAIT_S, dict(wanted)
        runs: dict[str, Any] = {}
        while missing and time.monotonic() < until_s:
            said = client.call("models.list")
            runs = {each["sensor"]: each for each in said}
            missing = {name: digest for name, digest in missing.items() if runs[name]["sha256"] != digest}
            if _reloads(said) > before and any(runs[name]["problem"] for name in missing):
                break
            time.sleep(_LOOK_S)
    for name in missing:
        why = printable(runs[name]["problem"] or "see its log: journalctl -u edge-runtime", 1000)
        typer.echo(f"{name}: the service has not taken it up: {why}", err=as_json)
    if not missing:
        typer.echo("the service runs it", err=as_json)
    return UnavailableError.exit_code if missing else 0


def _reloads(said: list[dict[str, Any]]) -> int:
    return max((each["reloads"] for each in said), default=0)
