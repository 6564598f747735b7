from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def keep(mailbox, number=1, *, to="anna@customers.example", html="<p>Grüße</p>") -> str:
    message = EmailMessage()
    message["From"] = "mail@brand.example"
    message["To"] = to
    message["Subject"] = f"Vertrag {number} verlängert sich"
    message.set_content("Guten Tag, schöne Grüße")
    if html:
        message.add_alternative(html, subtype="html")
    return mailbox.keep(message.as_bytes(), arrived_at=NOON.timestamp() + number)


def subjects(response) -> list[str]:
    return [letter.subject for letter in response.context["page"].object_list]


def test_mailbox_says_that_it_is_empty(demo, client):
    assert "No mail has arrived yet" in client.get("/mailbox/").content.decode()


def test_mailbox_shows_fifty_letters_a_page_newest_first(demo, client, mailbox):
    for number in range(60):
        keep(mailbox, number)

    assert subjects(client.get("/mailbox/")) == [
        f"Vertrag {number} verlängert sich" for number in range(59, 9, -1)
    ]
    assert len(subjects(client.get("/mailbox/?page=2"))) == 10


def test_mailbox_filters_by_address(demo, client, mailbox):
    keep(mailbox, 1, to="Anna <anna@customers.example>")
    keep(mailbox, 2, to="ben@customers.example")

    assert subjects(client.get("/mailbox/?to=ANNA@customers")) == ["Vertrag 1 verlängert sich"]
    nobody = client.get("/mailbox/?to=<b>")
    assert subjects(nobody) == []
    assert "“&lt;b&gt;”" in nobody.content.decode()


def test_mailbox_reads_letters_that_a_mail_program_has_marked_as_read(demo, client, mailbox):
    key = keep(mailbox)
    (mailbox.directory / "new" / key).rename(mailbox.directory / "cur" / f"{key}:2,S")

    assert len(subjects(client.get("/mailbox/"))) == 1
    assert client.get(f"/mailbox/{key}/").status_code == 200


def test_letter_shows_headers_and_frames_its_html(demo, client, mailbox):
    key = keep(mailbox)

    page = client.get(f"/mailbox/{key}/").content.decode()

    assert "mail@brand.example" in page
    assert "Grüße" not in page
    assert f'sandbox title="The mail as it looks" src="/mailbox/{key}/html/"' in page


def test_letter_shows_its_text_on_demand_and_where_there_is_nothing_else(demo, client, mailbox):
    both, plain = keep(mailbox), keep(mailbox, html=None)

    assert "schöne Grüße" in client.get(f"/mailbox/{both}/?as=text").content.decode()
    assert "schöne Grüße" in client.get(f"/mailbox/{plain}/").content.decode()
    assert client.get(f"/mailbox/{plain}/html/").status_code == 404


def test_letter_in_its_frame_may_run_no_script_and_load_nothing(demo, client, mailbox):
    key = keep(mailbox, html="<script>alert(1)</script><p>Grüße</p>")

    response = client.get(f"/mailbox/{key}/html/")
    policy = dict(
        part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";")
    )

    assert "Grüße" in response.content.decode()
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy
    assert policy["frame-ancestors"] == "'self'"
    assert response["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    "key",
    [
        "unknown",
        "..",
        "..%2f..%2fsecret-key",
        "%2e%2e%2fsecret-key",
        "new%2fletter",
        ".hidden",
        "*",
        "secret-key",
    ],
)
@pytest.mark.parametrize("end", ["", "html/"])
def test_letter_keys_open_letters_only(demo, client, mailbox, key, end):
    keep(mailbox)
    (mailbox.directory.parent / "secret-key").write_text("secret")
    (mailbox.directory / "secret-key").write_text("secret")
    (mailbox.directory / "new" / ".hidden").write_text("secret")

    response = client.get(f"/mailbox/{key}/{end}")

    assert response.status_code == 404
    assert b"secret" not in response.content


def test_letter_offers_the_links_that_lead_to_us(demo, client, mailbox, settings):
    settings.CXCRM_BASE_URL = "http://127.0.0.1:8001"
    message = EmailMessage()
    message.set_content("Open http://127.0.0.1:8001/renewal/1.x/\nor https://brand.example/ .")
    key = mailbox.keep(message.as_bytes(), arrived_at=NOON.timestamp())

    page = client.get(f"/mailbox/{key}/").content.decode()

    assert '<a href="http://127.0.0.1:8001/renewal/1.x/">' in page
    assert '<a href="https://brand.example/"' not in page
