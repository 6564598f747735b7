from django.db import migrations

ROLES = ["agent", "team_lead", "cx_manager", "executive", "administrator"]


def add_roles(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    group.objects.bulk_create([group(name=role) for role in ROLES], ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("users", "0001_users"), ("auth", "0012_alter_user_first_name_max_length")]

    operations = [
        # Roles are kept when the migration is taken back: people hold them.
        migrations.RunPython(add_roles, migrations.RunPython.noop)
    ]
