class WrittenNumber(str):
    """A number as JSON writes it: no digit of it is lost, however many there are. For `parse_int`
    and `parse_float` of `json.loads`."""
