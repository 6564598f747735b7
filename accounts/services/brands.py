from accounts.models import Brand


def add_brand(*, code: str, name: str, **details: str) -> Brand:
    """Add a business under its own name, with the fields of `Brand`.

    Raises ValidationError naming the fields that do not fit.
    """
    brand = Brand(code=code, name=name, **details)
    brand.full_clean()
    brand.save(force_insert=True)
    return brand
