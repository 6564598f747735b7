"""Arithmetic on prices."""

from decimal import ROUND_HALF_UP, Decimal

# What one may be charged by; more decimals have no place in a column of prices.
CENT = Decimal("0.01")
HIGHEST_PRICE = Decimal("9999999999.99")


def gross(price: Decimal, tax_rate: Decimal) -> Decimal:
    """A net price with its tax (percent), to the cent; half a cent is rounded up."""
    return (price * (100 + tax_rate) / 100).quantize(CENT, rounding=ROUND_HALF_UP)
