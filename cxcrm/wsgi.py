import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxcrm.settings")

from cxcrm.base.checks import refuse_unsafe_start  # noqa: E402 - needs the settings' name

refuse_unsafe_start()
application = get_wsgi_application()
