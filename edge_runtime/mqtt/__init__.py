"""How the publisher gets messages to a broker that may be away; `publisher.py` is the way in."""
