from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

from hypothesis import given
from hypothesis import strategies as st

from daemon.mailing.gateway import ERROR_CHARS_MAX, Outgoing, one_line
from daemon.mailing.smtp import made

SENDER = "Наш магазин <news@shop.example>"


def outgoing(subject: str = "Hi", text: str = "Hello") -> Outgoing:
    return Outgoing(
        key="k" * 32,
        contact="ann@example.ua",
        subject=subject,
        text=text,
        unsubscribe="https://card.example/u/x",
        at=datetime(2026, 11, 28, 12, tzinfo=UTC),
    )


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_name_cannot_write_a_head_of_an_e_mail(name: str) -> None:
    mail = message_from_bytes(made(outgoing(f"Hello {name}"), SENDER).as_bytes(), policy=default)
    assert mail.keys() == [
        *("From", "To", "Subject", "Date", "Message-ID"),
        *("List-Unsubscribe", "List-Unsubscribe-Post"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    ]
    assert mail["To"] == "ann@example.ua"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_a_text_arrives_as_it_was_written(text: str) -> None:
    mail = message_from_bytes(made(outgoing(text=text), SENDER).as_bytes(), policy=default)
    arrived = mail.get_content().replace("\r\n", "\n")
    assert arrived.removesuffix("\n") == text.removesuffix("\n")
    assert mail["From"] == SENDER
    assert mail["Message-ID"] == f"<{'k' * 32}@shop.example>"


@given(st.text())
def test_what_a_gateway_says_is_one_short_line(said: str) -> None:
    line = one_line(said)
    assert line.isprintable()
    assert len(line) <= ERROR_CHARS_MAX
