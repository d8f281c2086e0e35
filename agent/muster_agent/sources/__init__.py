"""What psutil lacks, one module a source: `read_…` is thin and reaches the machine, `parse_…` is pure.

The only code of the agent that may start a process.
"""
