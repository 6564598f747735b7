import pytest


@pytest.fixture(autouse=True)
def cheap_passwords(settings):
    """Hundreds of sign-ins here; what a hash costs is Django's business."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
