"""E-mails and webhooks: can their files be used, does the process run, what keeps it from sending."""

from typing import Any, Final

from edge_runtime.configuration import Config
from edge_runtime.core import EdgeError, printable
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Findings, ok, warning
from edge_runtime.door import NOTIFY_FOLDER, NotifySettings, check_secrets, read_notify_status

_START: Final = "systemctl enable --now edge-runtime-notify, or run `edge-runtime notify`"


def examine_notify(config: Config) -> Findings:
    """Examine each whom the site wants to be told of alarms; nothing where there is none."""
    if not config.notify:
        return
    for each in config.notify:
        try:
            check_secrets(each)
        except EdgeError as error:
            yield warning(Check.NOTIFY, each.name, f"{error.where}: {error.what}", error.remedy)
        except ValueError as error:
            yield warning(Check.NOTIFY, each.name, str(error), f"Correct the line in {each.url_file}")
    folder = config.state_folder / NOTIFY_FOLDER
    try:
        said = read_notify_status(config.state_folder)
    except (OSError, ValueError) as error:
        remedy = "Give it to the service's user, or delete it"
        yield warning(Check.NOTIFY, str(folder), f"its status cannot be read ({error})", remedy)
        return
    if said is None:
        yield warning(Check.NOTIFY, str(folder), "nobody was ever told anything from here", _START)
        return
    for each in config.notify:
        yield from _examine(each, said.get(each.name))


def _examine(settings: NotifySettings, said: dict[str, Any] | None) -> Findings:
    if said is None:
        what = "the process that sends does not know it"
        yield warning(Check.NOTIFY, settings.name, what, "systemctl restart edge-runtime-notify")
        return
    depth, problem = said.get("waiting"), printable(said.get("problem") or "", 300)
    if problem:
        remedy = "See to its server, user name and password, then `edge-runtime notify --test`"
        yield warning(Check.NOTIFY, settings.name, f"{problem}; {depth} events wait", remedy)
    else:
        yield ok(Check.NOTIFY, settings.name, f"told of {said.get('told')} events so far, {depth} wait")
    if gone := int(said.get("dropped") or 0) + int(said.get("expired") or 0):
        remedy = "See the history of the sensors; raise `most_waiting` or `max_age_h`, or mend its server"
        yield warning(Check.NOTIFY, settings.name, f"{gone} events were given up before it was told", remedy)
