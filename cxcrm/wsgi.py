import os

from django.core.wsgi import get_wsgi_application

from cxcrm.base.checks import refuse_unsafe_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cxcrm.settings")

refuse_unsafe_start()
application = get_wsgi_application()
