"""Set-based statements: bound parameters only, the expected plan in each docstring."""
