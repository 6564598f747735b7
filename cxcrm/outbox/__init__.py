"""Outgoing mail: addresses, permissions, one row per mail, delivery by workers."""
