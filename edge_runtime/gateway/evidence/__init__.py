"""The vibration around each alarm, kept as captures and given to who asks. A room within the gateway's."""
