"""The command `deploy/authority`."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Final

import typer

from deploy import refusals
from deploy.certification.folder import RENEW_DAYS, Folder

_WHAT: Final = (
    "A small certificate authority for one plant: of devices, brokers, and the models they may run."
)
app = typer.Typer(name="deploy/authority", help=_WHAT, no_args_is_help=True, add_completion=False)
Where = Annotated[Path, typer.Option("--folder", metavar="DIR", help="The authority's folder; keep it safe.")]
HERE = Path("plant-authority")


@app.command()
def init(name: str, folder: Where = HERE) -> None:
    """Make the plant's authority. Once; every device will trust it."""
    Folder(folder).init(name, _now())
    typer.echo(f"{folder}/ca.crt goes onto every device and broker; {folder}/ca.key goes nowhere")


@app.command()
def server(hosts: Annotated[list[str], typer.Argument(metavar="HOST...")], folder: Where = HERE) -> None:
    """Sign a broker's certificate, for every name and address it is reached by."""
    typer.echo(Folder(folder).server(hosts, _now()))


@app.command()
def device(names: Annotated[list[str], typer.Argument(metavar="NAME...")], folder: Where = HERE) -> None:
    """Sign certificates for devices; `steadyhum-viewer` is the name that may read everything."""
    for name in names:
        typer.echo(Folder(folder).device(name, _now()))


@app.command()
def renew(folder: Where = HERE, within_days: int = RENEW_DAYS) -> None:
    """Sign anew whatever ends soon or has ended; copy the new files to where the old ones are."""
    renewed = Folder(folder).renew(_now(), within_days)
    for path in renewed:
        typer.echo(path)
    if not renewed:
        typer.echo(f"nothing ends within {within_days} days")


@app.command()
def sign(models: Annotated[Path, typer.Argument(metavar="DIR")], folder: Where = HERE) -> None:
    """Sign the models in a folder; copy SHA256SUMS and SHA256SUMS.p7s to gateways together with them."""
    for path in Folder(folder).sign_models(models, _now()):
        typer.echo(path)


@app.command("list")
def list_(folder: Where = HERE) -> None:
    """Say what was signed and until when it is valid."""
    for path, certificate in Folder(folder).all():
        typer.echo(f"{certificate.not_valid_after_utc:%Y-%m-%d}  {path.name}")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


if __name__ == "__main__":
    refusals.run(app, "deploy/authority")
