"""The commands `deploy/authority models ...`."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Final

import typer
from tuf.api.metadata import Root, Snapshot, Timestamp

from deploy.certification.passphrase import VARIABLE, Passphrase
from deploy.publishing.lists import ROLES, Lifetimes
from deploy.publishing.migration import models_of
from deploy.publishing.repository import WHERE, Repository
from edge_runtime.core import ConfigError, manifest_from_metadata
from edge_runtime.gateway import WITHDRAWN, TargetPath, fits
from edge_runtime.models import metadata_of, prove_in_child, read_model

app = typer.Typer(
    name="models", help="Publish models that gateways take up by themselves.", no_args_is_help=True
)
HERE: Final = Path("plant-authority") / "models"
Where = Annotated[
    Path, typer.Option("--folder", metavar="DIR", help="The repository's folder; it holds keys.")
]
Secret = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", metavar="FILE", envvar=VARIABLE, help="Of encrypted keys, its first line."
    ),
]
RootKeys = Annotated[
    list[Path] | None,
    typer.Option("--root-key", metavar="FILE", help="A key of root from elsewhere; repeatable."),
]
Devices = Annotated[
    list[str] | None,
    typer.Option("--device", metavar="SITE/DEVICE/SENSOR", help="Whose model it is; repeatable."),
]
Groups = Annotated[
    list[str] | None,
    typer.Option("--group", metavar="SITE/GROUP/SENSOR", help="The same of a group of devices; repeatable."),
]


@app.command()
def init(  # noqa: PLR0917  typer passes them by name
    folder: Where = HERE,
    roots: Annotated[int, typer.Option(help="How many keys of root.")] = 3,
    threshold: Annotated[int, typer.Option(help="How many of them must sign.")] = 2,
    stick_days: Annotated[int, typer.Option(help="How old a stick or a copy may be.")] = Lifetimes().stick,
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Encrypt keys of root and targets.")] = False,
    secret: Secret = None,
) -> None:
    """Make the repository. Once; devices trust its root.json."""
    lifetimes = Lifetimes(stick=stick_days)
    Repository(folder, Passphrase(secret)).init(roots, threshold, lifetimes, _now(), encrypt=encrypt)
    typer.echo(f"{folder}/root.json goes onto every device, {folder}/repository onto sticks or a server")
    typer.echo(f"move {folder}/keys/root-*.pem onto sticks of their own, into drawers of {threshold} people")


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx")],
    device: Devices = None,
    group: Groups = None,
    folder: Where = HERE,
    secret: Secret = None,
) -> None:
    """Sign a model for sensors of devices or groups, in place of what was published for them."""
    model = read_model(file)
    prove_in_child(model, str(file))
    name = manifest_from_metadata(metadata_of(model), str(file)).name
    places = [("device", text) for text in device or []] + [("group", text) for text in group or []]
    if not places:
        raise ConfigError("nobody is named", where=WHERE, remedy="Say whose it is by --device or --group")
    paths = [_path(kind, text, name) for kind, text in places]
    Repository(folder, Passphrase(secret)).publish(dict.fromkeys(paths, model), _now())
    for path in paths:
        typer.echo(path)


@app.command()
def withdraw(
    models: Annotated[list[str], typer.Argument(metavar="NAME|SHA256...")],
    folder: Where = HERE,
    secret: Secret = None,
) -> None:
    """Take models back: gateways that run one go back to the one before, and none takes it up again."""
    for digest in Repository(folder, Passphrase(secret)).withdraw(models, _now()):
        typer.echo(f"withdrawn: {digest}")


@app.command()
def rotate(
    key: Annotated[str, typer.Argument(metavar="targets|snapshot|timestamp|root-N")],
    root_key: RootKeys = None,
    folder: Where = HERE,
    secret: Secret = None,
) -> None:
    """Replace a key that was lost or stolen, or is old: what it signs counts no more."""
    Repository(folder, Passphrase(secret)).rotate(key, root_key or [], _now())
    typer.echo(f"{folder}/keys/{key}.pem is new; devices learn it from the next stick")


@app.command()
def renew(root_key: RootKeys = None, folder: Where = HERE, secret: Secret = None) -> None:
    """Sign again what expires, before a stick is written."""
    repository = Repository(folder, Passphrase(secret))
    repository.renew(root_key or [], _now())
    typer.echo(f"good until {repository.read('timestamp', Timestamp).expires:%Y-%m-%d}")


@app.command()
def status(folder: Where = HERE) -> None:
    """Say what is published, what was withdrawn, and until when each list is good."""
    repository, now = Repository(folder), _now()
    root, targets = repository.read("root", Root), repository.targets()
    lists = {"root": root, "targets": targets, "snapshot": repository.read("snapshot", Snapshot)}
    lists["timestamp"] = repository.read("timestamp", Timestamp)
    for role, signed in lists.items():
        held = root.roles[role]
        keys = f"{held.threshold} of {len(held.keyids)} keys"
        state = "EXPIRED" if signed.is_expired(now) else f"{(signed.expires - now).days} days left"
        typer.echo(f"{role:9}  version {signed.version}  {keys}  until {signed.expires:%Y-%m-%d}  {state}")
    for name, target in targets.targets.items():
        typer.echo(f"{target.hashes['sha256']}  {name}")
    for digest in targets.unrecognized_fields.get(WITHDRAWN, []):
        typer.echo(f"{digest}  withdrawn")
    if left := [key for key in ROLES if not (repository.keys / f"{key}.pem").exists()]:
        typer.echo(f"not here: the key of {', '.join(left)}")
    if here := sorted(path.name for path in repository.keys.glob("root-*.pem")):
        typer.echo(f"still here, and better in drawers: {', '.join(here)}")


@app.command()
def migrate(
    signed: Annotated[Path, typer.Argument(metavar="DIR", help="Signed by `deploy/authority sign`.")],
    config: Annotated[list[Path], typer.Option(metavar="FILE", help="A gateway's TOML file; repeatable.")],
    authority: Annotated[Path, typer.Option(metavar="FILE", help="ca.crt of who signed it.")] = HERE.parent
    / "ca.crt",
    folder: Where = HERE,
    secret: Secret = None,
) -> None:
    """Publish the models of a folder that was signed before, for the sensors whose files they are."""
    found = models_of(signed, config, authority)
    Repository(folder, Passphrase(secret)).publish(found, _now())
    for path in found:
        typer.echo(path)


def _path(kind: str, text: str, model: str) -> TargetPath:
    site, who, sensor = text.split("/") if text.count("/") == 2 else ("", "", "")
    path = TargetPath(site, kind, who, sensor, model)
    if wrong := [level for level in (site, who, sensor, model) if not fits(level)]:
        remedy = f"Write it as SITE/{kind.upper()}/SENSOR, in names that a stick's file system takes"
        raise ConfigError(
            f"{text!r} with the model {model!r}: {wrong[0]!r} is no name", where=WHERE, remedy=remedy
        )
    try:
        return TargetPath.parse(str(path))
    except ValueError as error:
        raise ConfigError(
            str(error), where=WHERE, remedy="Give the model a shorter name when it is fitted"
        ) from error


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
