from django.db import migrations

REASONS = [
    ("bad-experience", "Bad experience", "Schlechte Erfahrung", "Mauvaise expérience", "Mala experiencia"),
    ("contact-gone", "Contact person gone", "Ansprechpartner nicht mehr da", "Interlocuteur parti", "La persona de contacto se fue"),
    ("price", "Price", "Preis", "Prix", "Precio"),
    ("competitor", "Market, competitor", "Markt, Wettbewerber", "Marché, concurrent", "Mercado, competidor"),
    ("product-defect", "Product defect", "Mangel am Produkt", "Défaut du produit", "Defecto del producto"),
    ("switch", "Switch of provider", "Anbieterwechsel", "Changement de fournisseur", "Cambio de proveedor"),
    ("closed-down", "Closed down", "Geschäft aufgegeben", "Activité cessée", "Cese de actividad"),
]


def add_reasons(apps, schema_editor):
    reason = apps.get_model("accounts", "CancellationReason")
    reason.objects.bulk_create(
        reason(code=code, name_en=en, name_de=de, name_fr=fr, name_es=es, position=position)
        for position, (code, en, de, fr, es) in enumerate(REASONS, start=1)
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_money_cancellations_imports")]

    operations = [migrations.RunPython(add_reasons, migrations.RunPython.noop)]
