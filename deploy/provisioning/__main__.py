"""The command `deploy/provision`."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from deploy import refusals
from deploy.certification.folder import Folder
from deploy.certification.passphrase import VARIABLE, Passphrase
from deploy.provisioning import cloudinit
from deploy.provisioning.card import card_html
from deploy.provisioning.plan import CardPlan
from deploy.provisioning.planning import Stock, find_packages, make_plans
from deploy.provisioning.sheet import Device, read_sheet
from deploy.provisioning.target import check_card, check_folder, installs_itself, read_mounts
from edge_runtime.core import ConfigError, UnavailableError

app = typer.Typer(name="deploy/provision", add_completion=False)


@app.command()
def provision(
    sheet: Annotated[Path, typer.Argument(metavar="SHEET.csv", help="The fleet sheet.")],
    *,
    models: Annotated[Path, typer.Option(metavar="DIR", help="Where the .onnx files are.")],
    package: Annotated[Path, typer.Option(metavar="DIR|DEB", help="The packages, or one of them.")],
    authority: Annotated[Path, typer.Option(metavar="DIR", help="The plant's authority.")],
    out: Annotated[Path, typer.Option("-o", metavar="DIR", help="A folder per device goes here.")] = Path(
        "cards"
    ),
    card: Annotated[Path | None, typer.Option(metavar="DIR", help="Write one device onto this card.")] = None,
    device: Annotated[str, typer.Option(help="Which device, with --card.")] = "",
    arch: Annotated[str, typer.Option(help="The devices' processor: arm64 or amd64.")] = "arm64",
    ssh_key: Annotated[Path | None, typer.Option(help="Public keys that may log in as `technician`.")] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(envvar=VARIABLE, help="The passphrase of the authority's key.")
    ] = None,
    backup: Annotated[
        Path | None, typer.Option(metavar="DIR", help="What the device had learnt, with --device.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Show what would happen, write nothing.")] = False,
) -> None:
    """Make everything each device of a fleet sheet needs: folders, or one card."""
    now = dt.datetime.now(dt.UTC)
    chosen = _chosen(sheet, device, single=card is not None or backup is not None)
    plant = Folder(authority, Passphrase(passphrase_file))
    stock = Stock(models, plant, find_packages(package, arch), _keys(ssh_key), backup)
    plans = make_plans(chosen, stock, now)
    needed = sum(plan.size for plan in plans)
    if card is None:
        check_folder(out, needed, [plan.device.name for plan in plans])
    else:
        check_card(card, needed, read_mounts(os.fsdecode(Path("/proc/mounts").read_bytes())))
    for plan in plans:
        typer.echo(plan.picture(card or out / plan.device.name))
    for warning in warnings(card, ssh_key):
        typer.echo(warning)
    if dry_run:
        typer.echo("dry run: nothing was written")
        return
    for plan in plans:
        typer.echo(_carry_out(plan, plant, out, card, now))
    if new := [plan.device.name for plan in plans if plan.pair is None]:
        where = f"--folder {authority} --sheet {sheet}"
        typer.echo(f"new to the broker: {', '.join(new)}; give it the list of  deploy/authority acl {where}")


def _chosen(sheet: Path, device: str, *, single: bool) -> list[Device]:
    devices = read_sheet(sheet)
    chosen = [item for item in devices if device in ("", item.name)]
    remedy = f"Name one with --device; there are: {', '.join(item.name for item in devices)}"
    if not chosen:
        raise ConfigError(f"no device {device!r} in the sheet", where=str(sheet), remedy=remedy)
    if single and len(chosen) > 1:
        raise ConfigError("a card is for one device, and so is a backup", where=str(sheet), remedy=remedy)
    return chosen


def warnings(card: Path | None, ssh_key: Path | None) -> Iterator[str]:
    """Sentences on what a technician should know before leaving for the site."""
    if ssh_key is None:
        yield "no --ssh-key: nobody can log in over the network, only with a screen and a keyboard"
    if card is not None and not installs_itself(card):
        yield (
            "this image does not install by itself, as Raspberry Pi OS 13 does:"
            f" after its first start log in and type  sudo sh {cloudinit.INSTALL}"
        )


def _carry_out(plan: CardPlan, authority: Folder, out: Path, card: Path | None, now: dt.datetime) -> str:
    name = plan.device.name
    if plan.pair is None:
        authority.device(name, now)
    pair = plan.pair or authority.valid_device(name, now)
    if pair is None:
        raise ConfigError(
            "the certificate just signed is gone", where=str(authority.path), remedy="Try again"
        )
    paper = card_html(plan.device, f"{pair.certificate.not_valid_after_utc:%Y-%m-%d}")
    target, printed = card or out / name, out / f"{name}.html"
    try:
        plan.write(target, pair, printed, paper)
    except OSError as error:
        what = f"could not be written ({error.strerror}); {target} is not complete"
        remedy = "Delete it, or write the image to the card again, and give this command again"
        raise UnavailableError(what, where=str(error.filename or target), remedy=remedy) from error
    return f"{name}: ready in {target}, print {printed}"


def _keys(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        keys = tuple(line.strip() for line in path.read_text().splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("cannot be read", where=str(path), remedy="Give a file of public keys") from error
    if not all(key.startswith(("ssh-", "ecdsa-", "sk-")) for key in keys) or not keys:
        remedy = "Give the .pub file; a private key must never be put on a card"
        raise ConfigError("holds no public key of OpenSSH", where=str(path), remedy=remedy)
    return keys


if __name__ == "__main__":
    refusals.run(app, "deploy/provision")
