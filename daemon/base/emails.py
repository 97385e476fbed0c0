"""E-mail addresses as people write them, and the one spelling in which each is kept.

    email_address(" Olha.K@Example.COM ") == "Olha.K@example.com"

The rules are those of ``email-validator``; no name server is asked, so that a till without a
network takes what a customer says.
"""


class EmailError(ValueError):
    """It is nobody's e-mail address. It quotes nothing of it."""


def email_address(typed: str) -> str:
    """Return an address with its domain in small letters. Raises EmailError."""
    # Imported here: it takes a tenth of a second, which a till's start does not wait for.
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(typed.strip(), check_deliverability=False).normalized
    except EmailNotValidError:
        raise EmailError("not an e-mail address") from None  # its text may hold the address
