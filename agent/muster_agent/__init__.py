"""The Muster agent: measures the device it runs on and reports. It can only read; nothing can be asked of it."""

__version__ = "0.1.0"
