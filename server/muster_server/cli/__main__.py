"""`python -m muster_server.cli`."""

from muster_server.cli import main

main(prog_name="muster")
