"""What a site settles about models that arrive signed."""

from pathlib import Path

import pytest

from edge_runtime.configuration.config import read_config
from edge_runtime.core.errors import ConfigError
from tests.edge.test_config_learning import TEXT


def written(tmp_path: Path, updates: str) -> Path:
    path = tmp_path / "config.toml"
    text = TEXT.format(learning="", sensor="").replace("[[sensor]]", f"[updates]\n{updates}\n[[sensor]]")
    path.write_text(text)
    return path


def test_a_site_that_trusts_a_repository(tmp_path: Path) -> None:
    path = written(tmp_path, 'root = "root.json"\nsource = "/media/usb"\ngroups = ["fans", "large fans"]')
    read = read_config(path).updates
    assert (read.root, read.source, read.groups) == (
        tmp_path / "root.json",
        "/media/usb",
        ("fans", "large fans"),
    )
    assert read_config(written(tmp_path, "")).updates.root is None


@pytest.mark.parametrize(
    ("updates", "says"),
    [
        ("patience_s = 0", "patience_s is 0.0, must be within 1 and 604800"),
        ("windows = -1", "windows is -1"),
        ("patience_s = 1e9", "patience_s is 1000000000.0"),
        ('groups = ["a/b"]', "groups is 'a/b'"),
        (f"groups = {['g'] * 33}", "groups has 33 entries, must be 32 at most"),
        ("roots = 1", "Did you mean 'root'"),
    ],
)
def test_what_is_refused(tmp_path: Path, updates: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says.replace("(", r"\(")):
        read_config(written(tmp_path, updates))
