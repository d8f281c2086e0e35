"""What macOS tells that psutil does not: its own programs, and property lists. One file a source."""
