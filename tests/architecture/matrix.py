MATRIX: dict[str, tuple[int, ...]] = {}
