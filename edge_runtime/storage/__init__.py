"""How the spool keeps its rows on a disk that may fill up, fail or lie; `spool.py` is the way in."""
