"""Commands over MQTT, from the connection with the broker to the door's methods."""

from pathlib import Path

from edge_runtime.door import RemoteCommands, WorkQueue
from edge_runtime.gateway.evidence.transfers import Transfers
from edge_runtime.messages import Topics
from edge_runtime.mqtt import Command, CommandHandler, Reply, TransferChunk


class MqttCommands(CommandHandler):
    """Hands commands to the door, and its answers to the publisher."""

    def __init__(self, work: WorkQueue, topics: Topics, state_folder: Path, transfers: Transfers) -> None:
        """`work` takes what is to be done, `transfers` has what is larger than an answer."""
        self.transfers = transfers
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

    def take_chunk(self) -> TransferChunk | None:
        """What of a transfer is to be sent next."""
        due = self.transfers.take()
        return None if due is None else TransferChunk(*due)

    def cancel_transfer(self, topic: str) -> None:
        """Send no more to a topic that the broker refuses."""
        self.transfers.cancel(topic)
