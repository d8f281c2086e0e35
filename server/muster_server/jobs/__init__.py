"""The work behind the pages: each job loads, calls a pure function, and saves."""
