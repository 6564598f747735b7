"""The gate as SQL against the gate in Python, on whatever hypothesis comes up with."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cxcrm.outbox.enums import LegalBasis, MailClass, MailReason
from cxcrm.outbox.models import MailAddress, MailPermission
from cxcrm.outbox.selectors import next_place, sendable_from, stopped_for
from cxcrm.outbox.services.gate import Standing, judge

pytestmark = pytest.mark.django_db

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "America/Havana",  # its clocks go back to midnight
    "Africa/Cairo",  # its clocks skip midnight
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # changes by half an hour
    "Pacific/Auckland",
    "Pacific/Kiritimati",
]
CHANGES = [
    datetime(2027, 3, 28, 1, tzinfo=UTC),
    datetime(2027, 10, 31, 1, tzinfo=UTC),
    datetime(2027, 3, 14, 10, tzinfo=UTC),
    datetime(2027, 11, 7, 5, tzinfo=UTC),
    datetime(2027, 4, 29, 22, tzinfo=UTC),
    datetime(2027, 4, 3, 15, tzinfo=UTC),
]
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
OUR_MAIL = 17
moments = st.one_of(
    st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes)),
    st.builds(
        lambda change, minutes: change + timedelta(minutes=minutes),
        st.sampled_from(CHANGES),
        st.integers(-1_600, 1_600),
    ),
)
hours = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
quiet_hours = st.one_of(
    st.sampled_from(["", "21:00-07:00", "12:00-14:00", "23:30-00:00", "00:00-02:30"]),
    st.tuples(hours, hours).filter(lambda pair: pair[0] != pair[1]).map("-".join),
)
# Most addresses are fine: hours and days are asked of these alone.
rarely = st.sampled_from([False] * 7 + [True])
standings = st.builds(
    Standing,
    has_bounced=rarely,
    has_complained=rarely,
    has_permission=rarely.map(lambda is_missing: not is_missing),
    has_objected=rarely,
    capped_on=st.none() | st.integers(-2, 3).map(lambda days: timedelta(days=days)),
    capped_mail_id=st.sampled_from([OUR_MAIL, OUR_MAIL + 1]),
)


@hypothesis_settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    standing=standings,
    mail_class=st.sampled_from(list(MailClass)),
    zone=st.sampled_from(ZONES),
    at=moments,
    useful_for=st.none() | st.integers(-60, 3_000),
    at_any_hour=rarely,
    quiet=quiet_hours,
)
@example(
    standing=Standing(has_permission=True, capped_on=timedelta(0), capped_mail_id=1),
    mail_class=MailClass.NEWSLETTER,
    zone="Europe/Berlin",
    at=datetime(2027, 3, 27, 20, tzinfo=UTC),
    useful_for=None,
    at_any_hour=False,
    quiet="21:00-07:00",
)
@example(  # the night ends at an hour that clocks show twice, or never
    standing=Standing(),
    mail_class=MailClass.SERVICE,
    zone="Europe/Berlin",
    at=datetime(2027, 10, 31, 0, 10, tzinfo=UTC),
    useful_for=None,
    at_any_hour=False,
    quiet="21:00-02:30",
)
@example(  # the night ends at an hour that clocks show twice, or never
    standing=Standing(),
    mail_class=MailClass.SERVICE,
    zone="Europe/Berlin",
    at=datetime(2027, 3, 28, 0, 30, tzinfo=UTC),
    useful_for=None,
    at_any_hour=False,
    quiet="21:00-02:30",
)
def test_both_say_the_same(
    settings, standing, mail_class, zone, at, useful_for, at_any_hour, quiet
):
    settings.CXCRM_QUIET_HOURS = quiet
    standing = on_days(standing, at.astimezone(ZoneInfo(zone)).date())
    useful_until = None if useful_for is None else at + timedelta(minutes=useful_for)
    address = address_of(standing, mail_class, at)

    verdict = judge(
        standing=standing,
        mail_class=mail_class,
        mail_id=OUR_MAIL,
        time_zone=zone,
        useful_until=useful_until,
        at_any_hour=at_any_hour,
        at=at,
    )

    stop, moment, is_full = ask_sql(
        address,
        mail_class,
        zone=zone,
        at=at,
        useful_until=useful_until,
        at_any_hour=at_any_hour,
    )
    if stop:
        assert (verdict.reason, verdict.wait_until) == (stop, None)
    elif is_full:
        assert (verdict.reason, verdict.wait_until) == (MailReason.DAILY_CAP, moment)
    elif moment > at:
        assert (verdict.reason, verdict.wait_until) == (MailReason.QUIET_HOURS, moment)
    else:
        assert (verdict.reason, verdict.wait_until, moment) == (None, None, at)


def on_days(standing: Standing, today: date) -> Standing:
    """Days are drawn as distances from the day that it is there; no day, no mail."""
    distance = standing.capped_on
    return Standing(
        has_bounced=standing.has_bounced,
        has_complained=standing.has_complained,
        has_permission=standing.has_permission,
        has_objected=standing.has_permission and standing.has_objected,
        capped_on=None if distance is None else today + distance,
        capped_mail_id=None if distance is None else standing.capped_mail_id,
    )


def address_of(standing: Standing, mail_class: MailClass, at: datetime) -> MailAddress:
    MailAddress.objects.all().delete()
    address = MailAddress.objects.create(
        address="ada@example.com",
        bounced_at=at if standing.has_bounced else None,
        complained_at=at if standing.has_complained else None,
        capped_on=standing.capped_on,
        capped_mail_id=standing.capped_mail_id,
    )
    if standing.has_permission:
        MailPermission.objects.create(
            address=address,
            mail_class=mail_class,
            basis=LegalBasis.CONSENT,
            granted_at=at,
            objected_at=at if standing.has_objected else None,
        )
    return address


def ask_sql(
    address: MailAddress,
    mail_class: MailClass,
    *,
    zone: str,
    at: datetime,
    useful_until: datetime | None,
    at_any_hour: bool,
) -> tuple[str | None, datetime, bool]:
    """What a planner reads: why not, from when on, and whether the day has had its mail."""
    stop = stopped_for(address="address", mail_class="mail.mail_class")
    place = next_place(
        address="address",
        mail_class="mail.mail_class",
        mail_id=str(OUR_MAIL),
        moment="mail.at",
        time_zone="mail.time_zone",
    )
    moment = sendable_from(
        moment="coalesce(place_at, mail.at)",
        time_zone="mail.time_zone",
        useful_until="mail.useful_until",
        at_any_hour="mail.at_any_hour",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {stop}, {moment}, place_at IS NOT NULL
            FROM (
                SELECT %s::bigint AS address_id, %s::text AS mail_class, %s::text AS time_zone,
                    %s::timestamptz AS at, %s::timestamptz AS useful_until,
                    %s::boolean AS at_any_hour
            ) AS mail
            JOIN outbox_mailaddress AS address ON address.id = mail.address_id,
            LATERAL (SELECT {place} AS place_at) AS place
            """,  # noqa: S608 - fragments of ours
            [address.pk, mail_class, zone, at, useful_until, at_any_hour],
        )
        return cursor.fetchone()


def test_service_mails_look_nothing_up():
    """Planners of service mails pay for the address alone."""
    stop = stopped_for(address="address", mail_class="'service'")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN SELECT {stop} FROM outbox_mailaddress AS address")  # noqa: S608 - ours
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "outbox_mailpermission" not in plan


def test_night_is_over_at_the_same_time_on_every_day_of_seven_years(settings):
    settings.CXCRM_QUIET_HOURS = "21:00-07:00"
    first = datetime.combine(date(2026, 1, 1), time(22), tzinfo=UTC)
    days = [first + timedelta(days=day) for day in range(7 * 365)]
    moment = sendable_from(
        moment="night", time_zone="'Europe/Berlin'", useful_until="NULL", at_any_hour="false"
    )
    with connection.cursor() as cursor:
        nights = f"SELECT {moment} FROM unnest(%s::timestamptz[]) AS night"  # noqa: S608 - ours
        cursor.execute(nights, [days])
        mornings = [morning.astimezone(ZoneInfo("Europe/Berlin")) for (morning,) in cursor]

    assert {morning.time() for morning in mornings} == {time(7)}
