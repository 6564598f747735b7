from accounts.models import Brand
from cxcrm.outbox.services import register_brands


def add_brand(*, code: str, name: str, **details: str) -> Brand:
    """Add a business under its own name, with the fields of `Brand`.

    Raises ValidationError naming the fields that do not fit.
    """
    brand = Brand(code=code, name=name, **details)
    brand.full_clean()
    brand.save(force_insert=True)
    return brand


def brand_facts(brand: Brand) -> dict[str, str]:
    """What every mail says of the brand that it comes from."""
    return {
        "code": brand.code,
        "name": brand.name,
        "legal_name": brand.legal_name,
        "imprint": brand.imprint,
        "base_url": brand.base_url,
        "accent_colour": brand.accent_colour,
        "sender_name": brand.sender_name,
        "sender_address": brand.sender_address,
        "service_address": brand.service_address,
        "service_phone": brand.service_phone,
    }


def all_brand_facts() -> list[dict[str, str]]:
    return [brand_facts(brand) for brand in Brand.objects.order_by("name")]


def register_brands_with_mail() -> None:
    register_brands(all_brand_facts)
