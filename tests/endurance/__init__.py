"""Tests that take minutes in full: scripts of their own, which the suite runs in a shorter form."""
