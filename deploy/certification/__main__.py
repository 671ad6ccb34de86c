"""The command `deploy/authority`."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from deploy.certification.folder import RENEW_DAYS, Folder
from edge_runtime import exits

app = typer.Typer(name="deploy/authority", help=__doc__, no_args_is_help=True, add_completion=False)
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
    for path in Folder(folder).renew(_now(), within_days):
        typer.echo(path)


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
    exits.run(lambda: app(prog_name="deploy/authority"), "deploy/authority")
