"""Customers are found by tags, languages and answers: those of who is there already, too."""

import json
from typing import Any

from alembic import op
from sqlalchemy import text

revision = "0031"
down_revision = "0030"
PAGE = 1_000


def upgrade() -> None:
    """Make the keys of the customers that there are."""
    db, after = op.get_bind(), ""
    page = text("SELECT account, profile FROM customer WHERE account > :after"
                f" ORDER BY account LIMIT {PAGE}")  # fmt: skip
    insert = text(
        "INSERT INTO customer_key (kind, value, account) VALUES (:kind, :value, :account)"
    )
    while rows := db.execute(page, {"after": after}).fetchall():
        keys = [
            {"kind": kind, "value": value, "account": account}
            for account, profile in rows
            for kind, value in _keys(bytes(profile))
        ]
        if keys:
            db.execute(insert, keys)
        after = rows[-1][0]


def _keys(profile: bytes) -> set[tuple[str, str]]:
    try:
        known: dict[str, Any] = json.loads(profile) if profile else {}
    except ValueError:
        return set()  # what a newer tillcard wrote is found by the one that wrote it
    keys = {("tag", tag) for tag in known.get("tags", ())}
    keys |= {("language", known["language"])} if known.get("language") else set()
    for question, said in known.get("answers", {}).items():
        several = said if isinstance(said, list) else [said]
        keys |= {(f"answer.{question}", str(one)) for one in several if one != ""}
    return keys
