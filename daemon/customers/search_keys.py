"""By what a customer is found: the keys of a profile, and what a search looks for. Pure.

Words of a name are kept without case, accents and apostrophes, so that however it is written on a
card or spelt at a till, it is one word:

    "Олена Дем'янчук"     olena's words: олена, демянчук       found by "дем", "ол демян"
    "Łukasz Wiśniewski"   lukasz, wisniewski                   found by "lukasz w"

A telephone is kept with its last digit first: whoever knows its end asks for a beginning.

Tags, the language and answers are keys too, whole and as they are: a report asks for them.
"""

import unicodedata
from collections.abc import Iterator

from daemon.accounts.cards import Profile

PHONE, EMAIL, WORD = "phone", "email", "word"
NAMES_ONE = frozenset((PHONE, EMAIL, WORD))
"""What tells people apart; all else many may share."""
TAG, LANGUAGE, ANSWER = "tag", "language", "answer."
"""The kind of an answer's key ends in the question's id."""
PHONE_DIGITS_MIN = 4
_APOSTROPHES = str.maketrans(
    dict.fromkeys("'`\u00b4\u2019\u2018\u02bc\u02b9\u2032")
    | {"ł": "l", "Ł": "l", "ø": "o", "Ø": "o", "đ": "d", "Đ": "d"}
)
"""What stands for an apostrophe is left out; these letters are no others with an accent."""


def words(name: str) -> Iterator[str]:
    """Yield the words of a name, without case, accents and apostrophes."""
    plain = unicodedata.normalize("NFKD", name.translate(_APOSTROPHES)).casefold()
    plain = "".join(char for char in plain if unicodedata.category(char) != "Mn")
    yield from "".join(char if char.isalnum() else " " for char in plain).split()


def digits_of(text: str) -> str:
    """Return the digits of a text; "" where letters stand among them."""
    if any(char.isalpha() for char in text):
        return ""
    return "".join(char for char in text if char in "0123456789")


def keys_of(profile: Profile) -> frozenset[tuple[str, str]]:
    """Return by what a customer is found, each as its kind and its value."""
    found = {(WORD, word) for word in words(profile.name)}
    if profile.phone:
        found.add((PHONE, digits_of(profile.phone)[::-1]))
    if profile.email:
        found.add((EMAIL, profile.email.lower()))
    found |= {(TAG, tag) for tag in profile.tags}
    if profile.language:
        found.add((LANGUAGE, profile.language))
    for question, said in profile.answers.items():
        several = said if isinstance(said, tuple) else (said,)
        found |= {(ANSWER + question, str(one)) for one in several if one != ""}
    return frozenset(found)
