"""What a gateway says, for those who hear it."""

import json

EVENT = "steadyhum/site/device/pump/event"


def body(seq, epoch="e1", replayed=False, **more):
    text = json.dumps({"type": "new", "kind": "anomaly", "id": "x", "seq": seq, "epoch": epoch, **more})
    return text.encode()[:-1] + (b',"replayed":true}' if replayed else b',"replayed":false}')
