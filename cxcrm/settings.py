"""All settings, read from the environment. `docs/configuration.md` lists every variable."""

import logging
import os
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

from celery.schedules import crontab
from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _
from environs import Env

from cxcrm.agent_desk.look import UNFOLD  # noqa: F401 - read by the desk's theme
from cxcrm.base.logs import configure_logs
from cxcrm.base.rest.description import SPECTACULAR_SETTINGS  # noqa: F401 - read by its package

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("CXCRM_VAR", str(BASE_DIR / "var")))

# A demo is a fictional company on one machine: anybody may enter with one click.
CXCRM_DEMO = env.bool("CXCRM_DEMO", False)
# Test mode lets `run_due` play days that have not come yet, as a demo does.
CXCRM_TEST_MODE = env.bool("CXCRM_TEST_MODE", False)
CXCRM_HTTPS = env.bool("CXCRM_HTTPS", not CXCRM_DEMO)
CXCRM_REQUIRE_MFA = env.bool("CXCRM_REQUIRE_MFA", not CXCRM_DEMO)

DEBUG = env.bool("CXCRM_DEBUG", False)
SECRET_KEY = env.str("CXCRM_SECRET_KEY")
ALLOWED_HOSTS = env.list("CXCRM_ALLOWED_HOSTS", ["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = env.list("CXCRM_TRUSTED_ORIGINS", [])
# Only these peers may say, by X-Forwarded-For and X-Forwarded-Proto, whom they speak for.
CXCRM_TRUSTED_PROXIES = [ip_network(peer) for peer in env.list("CXCRM_TRUSTED_PROXIES", [])]
ROOT_URLCONF = "cxcrm.urls"
WSGI_APPLICATION = "cxcrm.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the other one puts its own site in place of ours
    "unfold.contrib.filters",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "anymail",
    "axes",
    "csp",
    "django_countries",
    "django_filters",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "pgtrigger",
    "pghistory",
    "rules.apps.AutodiscoverRulesConfig",
    "cxcrm.embedded",
    "cxcrm.users",
    "cxcrm.base",
    "cxcrm.outbox",
    "accounts",
    "loyalty",
    "consultants",
    "surveys",
    "cxcrm.api",
    "cxcrm.agent_desk.apps.AgentDeskConfig",
    "cxcrm.agent_desk.apps.AgentDeskPagesConfig",
    "cxcrm.demo",
]

MIDDLEWARE = [
    "cxcrm.base.middleware.ClientAddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "cxcrm.base.middleware.RequestLogMiddleware",
    "cxcrm.api.middleware.ApiMiddleware",
    "cxcrm.base.middleware.NulCharacterMiddleware",
    "cxcrm.base.middleware.BrowserProtectionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "cxcrm.users.middleware.SecondFactorMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "pghistory.middleware.HistoryMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "cxcrm" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database, cache, sessions: everything that protects lives in PostgreSQL, so losing Redis
# --- never opens a door.

DATABASES = {"default": env.dj_db_url("DATABASE_URL", conn_max_age=60, conn_health_checks=True)}
DATABASES["default"].setdefault("OPTIONS", {}).update(
    connect_timeout=3,
    options=f"-c lock_timeout={env.int('CXCRM_LOCK_TIMEOUT_MS', 5_000)}"
    f" -c idle_in_transaction_session_timeout={env.int('CXCRM_IDLE_TIMEOUT_MS', 60_000)}",
)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cxcrm_cache",
        # Above this many rows the cache drops some at random, and counters of limits with them.
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# --- Celery: hints only. The sweeps below do the work even if every hint is lost.

CELERY_BROKER_URL = env.str("REDIS_URL")
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 900
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than any task may run, or Redis hands it out twice.
    "visibility_timeout": 1_800,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A page that rings the bell of a broker which hangs is answered after that.
    "socket_timeout": 2,
    "socket_connect_timeout": 1,
    # Workers notice within twice that, and a second, that they wait at a dead connection.
    "health_check_interval": 5,
    # Whoever rings the bell does not wait for a broker that is away; workers retry by themselves.
    "max_retries": 0,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "UTC"
CXCRM_SWEEP_SECONDS = env.int("CXCRM_SWEEP_SECONDS", 30)
CELERY_BEAT_SCHEDULER = "cxcrm.base.processes.VisibleScheduler"
# Beat wakes up at least as often to say that it lives.
CELERY_BEAT_MAX_LOOP_INTERVAL = 15
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "deliver-mails": {
        "task": "outbox.deliver_mails",
        "schedule": CXCRM_SWEEP_SECONDS,
        "options": {"expires": CXCRM_SWEEP_SECONDS},
    },
    # Where no mailbox is configured it does nothing.
    "read-bounces": {
        "task": "outbox.read_bounces",
        "schedule": 300,
        "options": {"expires": 300},
    },
    "forget-old-mails": {
        "task": "outbox.forget_old_mails",
        "schedule": crontab(hour=2, minute=40),
        "options": {"expires": 3_600},
    },
    "forget-old-requests": {
        "task": "api.forget_old",
        "schedule": crontab(hour=2, minute=50),
        "options": {"expires": 3_600},
    },
    "run-due-work": {
        "task": "accounts.run_due_work",
        "schedule": CXCRM_SWEEP_SECONDS,
        "options": {"expires": CXCRM_SWEEP_SECONDS},
    },
    "run-imports": {
        "task": "accounts.run_imports",
        "schedule": CXCRM_SWEEP_SECONDS,
        "options": {"expires": CXCRM_SWEEP_SECONDS},
    },
    "work-off-jobs": {
        "task": "base.work_off_jobs",
        "schedule": CXCRM_SWEEP_SECONDS,
        "options": {"expires": CXCRM_SWEEP_SECONDS},
    },
}

# --- Prices and money

# List prices of products on offer are whole currency units.
CXCRM_WHOLE_PRICES = env.bool("CXCRM_WHOLE_PRICES", True)
CXCRM_REPORTING_CURRENCY = env.str("CXCRM_REPORTING_CURRENCY", "EUR")
# Of a brand's accounts with revenue, this share with the most is of high value.
CXCRM_HIGH_VALUE_SHARE = env.decimal("CXCRM_HIGH_VALUE_SHARE", Decimal("0.10"))

# --- Uploads

# Of one file; what is longer is read to its end, so that the answer arrives, and kept nowhere.
CXCRM_LARGEST_UPLOAD_MB = env.int("CXCRM_LARGEST_UPLOAD_MB", 50)
FILE_UPLOAD_HANDLERS = ["cxcrm.base.uploads.BoundedUploadHandler"]
# A mapping with translated values has many small fields.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
DATA_UPLOAD_MAX_NUMBER_FILES = 1

# --- Mail

# `smtp`, or a provider that anymail knows: postmark, mailgun, amazon_ses, brevo, …; what it needs
# is read from variables that begin with ANYMAIL_.
CXCRM_MAIL_PROVIDER = env.str("CXCRM_MAIL_PROVIDER", "smtp")
EMAIL_BACKEND = (
    "cxcrm.outbox.services.delivery.relay.RelayBackend"
    if CXCRM_MAIL_PROVIDER == "smtp"
    else f"anymail.backends.{CXCRM_MAIL_PROVIDER}.EmailBackend"
)
ANYMAIL = {
    name.removeprefix("ANYMAIL_"): value
    for name, value in os.environ.items()
    if name.startswith("ANYMAIL_")
}
EMAIL_HOST = env.str("EMAIL_HOST", "127.0.0.1")
EMAIL_PORT = env.int("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", 60)
# A provider is given as long, from when it has been reached.
ANYMAIL["REQUESTS_TIMEOUT"] = (10, EMAIL_TIMEOUT)
CXCRM_MAIL_DOMAIN = env.str("CXCRM_MAIL_DOMAIN", "cxcrm.invalid")
CXCRM_MAIL_LEASE_SECONDS = env.int("CXCRM_MAIL_LEASE_SECONDS", 60)
CXCRM_MAIL_UNCERTAIN_SECONDS = env.int("CXCRM_MAIL_UNCERTAIN_SECONDS", 300)
# The first wait after a temporary refusal; later ones are 5, 15, 60 and 240 times as long.
CXCRM_MAIL_RETRY_SECONDS = env.int("CXCRM_MAIL_RETRY_SECONDS", 60)
# Mails that one process hands over at the same time, each over a connection of its own.
CXCRM_MAIL_CONNECTIONS = env.int("CXCRM_MAIL_CONNECTIONS", 2)
# In the recipient's zone nothing is sent between these hours but what somebody waits for. In a
# demo nobody sleeps, and who tries it out at night wants to see the mail.
CXCRM_QUIET_HOURS = env.str("CXCRM_QUIET_HOURS", "" if CXCRM_DEMO else "21:00-07:00")
# After a restore that the database cannot know of, such as from a copy of its files.
CXCRM_HOLD_MAILS = env.bool("CXCRM_HOLD_MAILS", False)
# Mails name it as the sender of the envelope, with a sealed number of the mail in it; empty: the
# brand's sender address.
CXCRM_BOUNCE_ADDRESS = env.str("CXCRM_BOUNCE_ADDRESS", "")
# Where bounces are fetched from, as pop3s://user:password@host; empty: nowhere.
CXCRM_BOUNCE_MAILBOX = env.str("CXCRM_BOUNCE_MAILBOX", "")
# What is over is forgotten after so many days; its proof stays with what it was about.
CXCRM_MAIL_RETENTION_DAYS = env.int("CXCRM_MAIL_RETENTION_DAYS", 400)
# Every link in a mail begins with it.
CXCRM_BASE_URL = env.str("CXCRM_BASE_URL", "http://127.0.0.1:8000").rstrip("/")
# Keys of the links in mails, newest first, as number:secret; older ones still open links.
CXCRM_LINK_KEYS = env.list("CXCRM_LINK_KEYS", [f"1:{SECRET_KEY}"])
# Guards that an experiment takes out, to prove that it would notice.
CXCRM_TEETH = set(env.list("CXCRM_TEETH", [])) if CXCRM_TEST_MODE else set()

# --- Operation

# Whoever brings it as a bearer token may read /metrics; empty: nobody.
CXCRM_METRICS_TOKEN = env.str("CXCRM_METRICS_TOKEN", "")

# --- REST API: JSON in, JSON out, by key alone

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["cxcrm.api.authentication.KeyAuthentication"],
    # A view that says nothing of its own is open to nobody.
    "DEFAULT_PERMISSION_CLASSES": ["cxcrm.base.rest.permissions.MayUse"],
    "DEFAULT_THROTTLE_CLASSES": ["cxcrm.api.throttling.KeyThrottle"],
    "DEFAULT_PARSER_CLASSES": ["cxcrm.base.rest.parsing.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "cxcrm.api.schema.ResourceSchema",
    "EXCEPTION_HANDLER": "cxcrm.base.rest.errors.answer_error",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_VERSIONING_CLASS": None,
    "COERCE_DECIMAL_TO_STRING": True,
    "URL_FORMAT_OVERRIDE": None,
    "FORMAT_SUFFIX_KWARG": None,
}

# --- Sign-in

AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "rules.permissions.ObjectPermissionBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in [
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
        ("UserAttributeSimilarityValidator", {"user_attributes": ["email", "name"]}),
    ]
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/desk/"
ACCOUNT_ADAPTER = "cxcrm.users.adapter.SignInAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # administrators enter the addresses
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
# Per address, and per login for guesses from many addresses; axes below counts the two together.
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "50/15m/ip,30/10m/key"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "cxcrm"
MFA_RECOVERY_CODES_SHOW_ONCE = True

AXES_FAILURE_LIMIT = 5
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "cxcrm.users.views.name_of_attempt"
AXES_LOCKOUT_CALLABLE = "cxcrm.users.views.too_many_attempts"
AXES_SENSITIVE_PARAMETERS = ["login", "username", "ip_address", "csrfmiddlewaretoken", "next"]
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# --- Language and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German")), ("fr", _("French")), ("es", _("Spanish"))]
LOCALE_PATHS = [BASE_DIR / "cxcrm" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

# --- Static files, browser protection

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "cxcrm" / "static"]
# A demo serves the files where they lie; production collects, hashes and compresses them.
WHITENOISE_USE_FINDERS = CXCRM_DEMO or CXCRM_TEST_MODE
STATIC_ROOT = (
    None if WHITENOISE_USE_FINDERS else env.str("CXCRM_STATIC_ROOT", str(VAR_DIR / "static"))
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if WHITENOISE_USE_FINDERS
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if CXCRM_TRUSTED_PROXIES else None
SECURE_SSL_REDIRECT = CXCRM_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = 31_536_000 if CXCRM_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = CXCRM_HTTPS
SECURE_HSTS_PRELOAD = CXCRM_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CXCRM_HTTPS
CSRF_COOKIE_SECURE = CXCRM_HTTPS
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"

# --- Logs: `RequestLogMiddleware` writes one line per request; people appear by user id only.

DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
LOGGING = configure_logs(env.str("CXCRM_LOG_LEVEL", "INFO"), for_people=CXCRM_DEMO or DEBUG)
