class ChangesPrices:
    """Lets a page of a contract announce a price change and call it off."""
