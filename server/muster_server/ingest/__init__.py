"""The door: what a device sends comes in here, is checked, and is stored before it is acknowledged."""
