"""Commands over MQTT, from the connection with the broker to the door's methods."""

from pathlib import Path

from edge_runtime.door import RemoteCommands, WorkQueue
from edge_runtime.messages import Topics
from edge_runtime.mqtt import Command, CommandHandler, Reply


class MqttCommands(CommandHandler):
    """Hands commands to the door, and its answers to the publisher."""

    def __init__(self, work: WorkQueue, topics: Topics, state_folder: Path) -> None:
        """`work` takes what is to be done."""
        self.prefix = topics.commands
        device = f"{topics.site}/{topics.device}"
        self.remote = RemoteCommands(work, device, topics.replies, state_folder)

    @property
    def verbs(self) -> tuple[str, ...]:
        """The door's methods that are commands."""
        return self.remote.verbs

    def receive(self, command: Command) -> None:
        """Take a command."""
        self.remote.receive(
            command.verb,
            command.body,
            retained=command.retained,
            response_topic=command.response_topic,
            correlation=command.correlation,
            expiry_s=command.expiry_s,
        )

    def take_reply(self) -> Reply | None:
        """An answer that is due."""
        due = self.remote.take_reply()
        return None if due is None else Reply(*due)
