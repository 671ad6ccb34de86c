"""The doctor at sensors that the kernel reads: is the device there, by which name, for whom, what comes."""

from collections.abc import Iterator

import pytest

from tests.broker import needs_mosquitto
from tests.deploy.examined_gateway import ExaminedGateway, found, planted
from tests.edge.devices_tree import DIGIDUCER, IIO_SCALE, IioTree, Vibrating, plug_cards
from tests.waiting import scaled

pytestmark = needs_mosquitto


@pytest.fixture
def tree(quiet: ExaminedGateway) -> Iterator[IioTree]:
    """A device that samples, and a gateway that is to read it, of which root is the user."""
    quiet.own_devices()
    quiet.listen_s = scaled(2.0)  # the device's pace is kept by a thread of this process
    made = IioTree(quiet.root, rate_hz=1000.0)
    made.attributes({"in_accel_scale": str(IIO_SCALE)})
    quiet.edit("/dev/none", "iio:adxl355")
    made.plug_in()
    yield made
    made.unplug()


@pytest.fixture
def machine(tree: IioTree) -> Iterator[Vibrating]:
    vibrating = Vibrating(tree)
    yield vibrating
    vibrating.end()


@pytest.mark.usefixtures("machine")
def test_a_healthy_device_and_one_that_is_named_by_its_number(quiet: ExaminedGateway) -> None:
    code, findings = quiet.report()
    assert code == 0, findings
    (identity,) = (item for item in findings if item["check"] == "sensor.identity")
    assert "linux iio adxl355" in identity["what"]
    quiet.edit("iio:adxl355", "iio:device0")
    planted(quiet, "port.name", "Name it by what it is: iio:adxl355 (iio:device0)", 1)


def test_a_device_that_gives_nothing_and_one_that_is_not_there(quiet: ExaminedGateway, tree: IioTree) -> None:
    planted(quiet, "line.silent", "/proc/interrupts has to count", 69)
    tree.attributes({"name": "adxl372"})
    fault = planted(quiet, "port.present", "device tree overlay", 69)
    assert "there are: iio:adxl372 (iio:device0)" in fault["what"]


@pytest.mark.usefixtures("tree")
def test_a_rate_that_the_device_does_not_have(quiet: ExaminedGateway, tree: IioTree) -> None:
    (tree.folder / "sampling_frequency").unlink()
    (tree.folder / "sampling_frequency").symlink_to("/dev/null")
    found(quiet, "port.opens", "Set rate_hz to one that it offers: 1000 2000 4000")


@pytest.mark.usefixtures("machine")
def test_what_the_services_user_or_unit_may_not(quiet: ExaminedGateway, tree: IioTree) -> None:
    quiet.plant(
        "usr/lib/systemd/system/edge-runtime.service", "[Service]\nWatchdogSec=30\nDevicePolicy=closed\n"
    )
    planted(quiet, "port.permission", "DeviceAllow=char-iio rw ProtectKernelTunables=no", 77)
    grants = "[Service]\nDeviceAllow=char-iio rw\nProtectKernelTunables=no\n"
    quiet.plant("etc/systemd/system/edge-runtime.service.d/override.conf", grants)
    assert quiet.bad() == (0, {})
    quiet.user = "edge-runtime"
    (tree.folder / "buffer/enable").chmod(0o644)
    fault = planted(quiet, "port.permission", f"chmod 660 {tree.folder}/buffer/enable, or a udev rule", 77)
    assert "may not use" in fault["what"]


def test_a_sound_card_that_is_not_there(quiet: ExaminedGateway) -> None:
    quiet.own_devices()
    quiet.edit("/dev/none", "alsa:hw:CARD=U333D01")
    found(quiet, "port.present", "set port to one of those present: none")
    plug_cards(quiet.root, ("U99", f"USB-Audio - {DIGIDUCER}"))
    found(quiet, "port.present", "set port to one of those present: alsa:012345")
