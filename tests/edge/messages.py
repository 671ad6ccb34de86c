"""What a gateway says, for those who hear it."""

import json

EVENT = "steadyhum/site/device/pump/event"


def body(seq: int, epoch: str = "e1", replayed: bool = False, **more: object) -> bytes:
    text = json.dumps({"type": "new", "kind": "anomaly", "id": "x", "seq": seq, "epoch": epoch, **more})
    return text.encode()[:-1] + (b',"replayed":true}' if replayed else b',"replayed":false}')
