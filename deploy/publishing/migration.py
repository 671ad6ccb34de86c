"""From folders that `deploy/authority sign` signed to the repository: `models_of`."""

from collections.abc import Iterable
from pathlib import Path

from edge_runtime.configuration import read_config
from edge_runtime.core import ConfigError, manifest_from_metadata
from edge_runtime.gateway import TargetPath
from edge_runtime.models import check_signed, digest_of, metadata_of, prove_in_child, read_model


def models_of(signed: Path, configs: Iterable[Path], authority: Path) -> dict[TargetPath, bytes]:
    """The models in this folder, for the sensors whose configurations name files of these names.

    Each is held against the signature that it has, and proves itself. Raises ConfigError where no sensor
    names any, and what `check_signed` and `prove_in_child` raise.
    """
    found: dict[TargetPath, bytes] = {}
    for path in configs:
        config = read_config(path)
        for sensor in config.sensor:
            file = signed / sensor.model.name
            if sensor.learns or not file.is_file():
                continue
            check_signed(file, digest_of(file), authority)
            model = read_model(file)
            prove_in_child(model, str(file))
            name = manifest_from_metadata(metadata_of(model), str(file)).name
            target = TargetPath(config.site.site, "device", config.site.device, sensor.name, name)
            try:
                found[TargetPath.parse(str(target))] = model
            except ValueError as error:
                remedy = "Rename the sensor, or export the model under another name"
                raise ConfigError(
                    f"{target} cannot be published ({error})", where=str(path), remedy=remedy
                ) from error
    if not found:
        remedy = "Give the folder that was signed, and the configurations of gateways that run its models"
        raise ConfigError("no sensor is watched by a model of it", where=str(signed), remedy=remedy)
    return found
