"""The systemd unit: understood by systemd, hardened, and doing what the project promises."""

import re
import shutil
import subprocess

import pytest

from tests.deploy.heavy import ROOT

UNIT = ROOT / "deploy" / "debian" / "edge-runtime.service"
MOST_EXPOSED = 1.5
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed: apt install systemd"
)


@needs_systemd
def test_exposure():
    """No more than 1.5, by systemd's own reckoning, without a service manager running."""
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", UNIT]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    exposure = float(re.search(r"exposure level for edge-runtime.service: ([\d.]+)", said)[1])
    assert exposure <= MOST_EXPOSED, said


@needs_systemd
def test_systemd_understands_every_line(tmp_path):
    """An unknown key is only warned of: nothing may be said at all. Programs not here are stubbed."""
    text = UNIT.read_text().replace("/usr/bin/edge-runtime", "/bin/true")
    (tmp_path / UNIT.name).write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
    command = ["systemd-analyze", "verify", "--man=no", tmp_path / UNIT.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, said) == (0, [])


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify",
        "WatchdogSec=30",
        "ExecStartPre=/usr/bin/edge-runtime check --config /etc/edge-runtime/config.toml",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "Environment=ORT_DISABLE_TELEMETRY=1 PYTHONUNBUFFERED=1",
        "SupplementaryGroups=dialout",
        "StateDirectory=edge-runtime",
    ],
)
def test_what_the_rest_relies_on(line):
    assert line in UNIT.read_text().splitlines()
