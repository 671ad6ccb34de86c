"""The command `deploy/authority`."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography import x509

from deploy import refusals
from deploy.certification import access_list
from deploy.certification.folder import RENEW_DAYS, Folder
from deploy.certification.passphrase import VARIABLE, Passphrase
from deploy.certification.revocation import CRL, revoke, write_crl
from deploy.provisioning.sheet import read_sheet
from deploy.publishing import app as models_app

_WHAT: Final = (
    "A small certificate authority for one plant: of devices, brokers, and the models they may run."
)
app = typer.Typer(name="deploy/authority", help=_WHAT, no_args_is_help=True, add_completion=False)
app.add_typer(models_app)
Where = Annotated[Path, typer.Option("--folder", metavar="DIR", help="The authority's folder; keep it safe.")]
HERE = Path("plant-authority")
Names = Annotated[list[str], typer.Argument(metavar="NAME...")]
Secret = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        envvar=VARIABLE,
        help="Its first line is the passphrase of the authority's key; without it the terminal is asked.",
    ),
]


@app.command()
def init(
    name: str,
    folder: Where = HERE,
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Encrypt the key with a passphrase.")] = False,
    secret: Secret = None,
) -> None:
    """Make the plant's authority. Once; every device will trust it."""
    authority = Folder(folder, Passphrase(secret))
    authority.init(name, _now(), encrypt=encrypt)
    write_crl(authority, _now())
    typer.echo(f"{folder}/ca.crt goes onto every device and broker; {folder}/ca.key goes nowhere")


@app.command()
def encrypt(folder: Where = HERE, secret: Secret = None) -> None:
    """Encrypt the authority's key with a passphrase; delete its unencrypted copies afterwards."""
    typer.echo(Folder(folder, Passphrase(secret)).encrypt(_now()))


@app.command()
def server(
    hosts: Annotated[list[str], typer.Argument(metavar="HOST...")],
    folder: Where = HERE,
    secret: Secret = None,
) -> None:
    """Sign a broker's certificate, for every name and address it is reached by."""
    typer.echo(Folder(folder, Passphrase(secret)).server(hosts, _now()))


@app.command()
def device(names: Names, folder: Where = HERE, secret: Secret = None) -> None:
    """Sign certificates for devices; names that begin with `steadyhum-viewer` may read everything,
    with `steadyhum-operator` also give commands."""
    authority = Folder(folder, Passphrase(secret))
    for name in names:
        authority.check_free(name)
    for name in names:
        typer.echo(authority.device(name, _now()))


@app.command()
def renew(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]")] = None,
    folder: Where = HERE,
    within_days: int = RENEW_DAYS,
    secret: Secret = None,
) -> None:
    """Sign again, with new keys, these or whatever ends soon; copy the new files over the old ones."""
    renewed = Folder(folder, Passphrase(secret)).renew(_now(), within_days, names)
    for path in renewed:
        typer.echo(path)
    if not renewed:
        typer.echo(f"nothing ends within {within_days} days")


@app.command("revoke")
def revoke_(names: Names, folder: Where = HERE, secret: Secret = None) -> None:
    """Take certificates back, by name or .crt file: a gateway was lost, a key was copied."""
    _say_crl(folder, revoke(Folder(folder, Passphrase(secret)), names, _now()))


@app.command()
def crl(folder: Where = HERE, secret: Secret = None) -> None:
    """Sign the list of what was taken back again; a broker does not start without it."""
    _say_crl(folder, write_crl(Folder(folder, Passphrase(secret)), _now()))


@app.command()
def acl(
    devices: Annotated[list[str] | None, typer.Argument(metavar="[SITE/DEVICE...]")] = None,
    sheet: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A fleet sheet; repeatable.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="The first level of topics.")] = "steadyhum",
    folder: Where = HERE,
) -> None:
    """Print the broker's access list for these devices, and those of fleet sheets."""
    named = [access_list.site_and_device(text) for text in devices or []]
    listed = [(row.site, row.name) for path in sheet or [] for row in read_sheet(path)]
    people = [path.stem for path, _ in Folder(folder).all() if access_list.role_of(path.stem)]
    typer.echo(access_list.access_list(named + listed, people, prefix), nl=False)


@app.command()
def sign(
    models: Annotated[Path, typer.Argument(metavar="DIR")], folder: Where = HERE, secret: Secret = None
) -> None:
    """Sign the models in a folder; copy SHA256SUMS and SHA256SUMS.p7s to gateways together with them."""
    for path in Folder(folder, Passphrase(secret)).sign_models(models, _now()):
        typer.echo(path)


@app.command("list")
def list_(folder: Where = HERE) -> None:
    """Say what was signed and until when it is valid."""
    for path, certificate in Folder(folder).all():
        typer.echo(f"{certificate.not_valid_after_utc:%Y-%m-%d}  {path.name}")


def _say_crl(folder: Path, signed: x509.CertificateRevocationList) -> None:
    typer.echo(
        f"{folder / CRL} takes {len(signed)} back, valid until {signed.next_update_utc:%Y-%m-%d};"
        " copy it to every broker and  systemctl restart mosquitto"
    )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


if __name__ == "__main__":
    refusals.run(app, "deploy/authority")
