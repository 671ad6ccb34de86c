"""Models that arrive signed: fetched, verified, proved, put in place and taken back by a process of its own.

What the service needs of it is `opening` and `part`; all else, and the library that verifies, is imported by
commands.
"""
