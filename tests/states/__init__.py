"""Operating states, measured: `python -m tests.states`; small forms are in tests/trainer/test_states.py."""
