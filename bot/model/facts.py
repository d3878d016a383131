"""The stable words for what became of a message: the ledger keeps them, and reports sort by them."""

from __future__ import annotations

UNKNOWN = "unknown"
"""Nobody can tell whether the message arrived."""
