"""Loopback stand-ins of both platforms: they speak the real wire formats to the unmodified client libraries."""
