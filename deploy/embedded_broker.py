"""A broker for the demo where Mosquitto is not installed: `embedded_broker.py PORT`.

amqtt supports MQTT 3.1.1 only and loses sessions on restart: enough for a demo, not for production.
"""

import asyncio
import sys

from amqtt.broker import Broker


async def serve(port: int) -> None:
    """Serve on loopback until the process is ended."""
    listeners = {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = Broker({"listeners": listeners, "plugins": plugins})
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
