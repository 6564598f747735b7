from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_default_reminder_policies")]

    operations = [
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("remind_on__isnull", True),
                    ("remind_step__isnull", True),
                )
                | models.Q(("remind_on__isnull", False), ("remind_step__isnull", False)),
                name="contract_reminder_day_has_step",
            ),
        ),
    ]
