"""From a fleet sheet to cards: everything a device needs, checked before anything is written."""
