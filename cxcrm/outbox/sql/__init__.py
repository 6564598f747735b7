"""Set-based statements; each function says its plan."""
