"""A questionnaire says what it asks; what is wrong with it is named by its path."""

from typing import Any

import pytest

from daemon.customers.questionnaire import (
    ANSWER_CHARS_MAX,
    CHOICES_MAX,
    PERSONAL_DATA,
    QUESTIONNAIRE_BYTES_MAX,
    QUESTIONS_MAX,
    QuestionnaireError,
    built_in,
    doubts,
    load,
)

OF_THE_SPEC = """
[[question]]
id = "phone"; kind = "phone"; one_of = "contact"
[[question]]
id = "email"; kind = "email"; one_of = "contact"
[[question]]
id = "for_whom"; kind = "choice"; choices = ["me", "gift"]; required = false; ask.en = "For whom?"
[[consent]]
id = "marketing"; channels = ["sms", "viber", "email"]; text.en = "Offers, please."
""".replace("; ", "\n")


def question(**keys: Any) -> str:
    said = {"id": '"size"', "kind": '"number"', "ask.en": '"Which size?"'} | keys
    return "[[question]]\n" + "".join(f"{key} = {value}\n" for key, value in said.items())


def test_one_of_a_group_is_enough_whichever_it_is() -> None:
    asked = load(OF_THE_SPEC)
    assert asked.missing(frozenset()) == ("contact",)
    assert asked.missing(frozenset({"phone"})) == ()
    assert asked.missing(frozenset({"email", "for_whom"})) == ()


def test_a_question_is_required_unless_it_says_otherwise() -> None:
    asked = load(question() + question(id='"colour"', required="false"))
    assert asked.missing(frozenset({"colour"})) == ("size",)


def test_every_questionnaire_of_a_shop_asks_for_the_consent_to_keep_its_answers() -> None:
    assert [consent.id for consent in load(OF_THE_SPEC).consents] == [PERSONAL_DATA, "marketing"]
    own = load('[[consent]]\nid = "personal_data"\ntext.en = "You may keep it."')
    assert [consent.text.en for consent in own.consents] == ["You may keep it."]


def test_a_version_is_what_it_says_and_not_how() -> None:
    again = OF_THE_SPEC.replace("\n", "\n# a comment\n", 1).replace(
        'kind = "phone"', "kind='phone'"
    )
    assert load(again).version == load(OF_THE_SPEC).version
    assert load(OF_THE_SPEC.replace("gift", "present")).version != load(OF_THE_SPEC).version


def test_who_has_none_asks_a_name_and_how_to_reach_and_requires_nothing() -> None:
    known = built_in()
    assert [one.id for one in known.questions] == ["name", "phone", "email", "birthday"]
    assert known.missing(frozenset()) == ()
    assert not known.is_own


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[question]", "questionnaire: not TOML: "),
        ("#" * (QUESTIONNAIRE_BYTES_MAX + 1), "questionnaire: the file has 64001 bytes"),
        ("question = 5", "question: expected a list, got a whole number"),
        (question(kind='"colour"'), "question[0].kind: 'colour' is not one of 'name', 'text'"),
        (question(requird="true"), "question[0].requird: there is no such key; did you mean req"),
        (question(id='"Size"'), "question[0].id: 'Size' is no id; write up to 32 small letters"),
        (question() + question(), "question[1].id: 'size' is there already"),
        (question(id='"phone"'), "question[0].kind: the question phone must be of kind 'phone'"),
        (question(choices='["a"]'), "question[0].choices: a question of kind 'number' has none"),
        (question(kind='"multi"'), f"question[0].choices: must be 1 to {CHOICES_MAX}"),
        (
            question(kind='"choice"', choices='["a", "a"]'),
            "question[0].choices: a choice stands tw",
        ),
        (question(kind='"choice"', choices='[""]'), "question[0].choices: each must have 1 to 200"),
        (
            question(kind='"choice"', choices=f'["{"x" * (ANSWER_CHARS_MAX + 1)}"]'),
            "question[0].choices: each must have 1 to 200",
        ),
        (question(one_of='"one of"'), "question[0].one_of: 'one of' is no id"),
        (
            question(id='"email"', kind='"email"', sensitive="true"),
            "question[0].sensitive: email is used by rules",
        ),
        (
            "".join(question(id=f'"q{n}"') for n in range(QUESTIONS_MAX + 1)),
            f"question: more than {QUESTIONS_MAX} questions",
        ),
        ('[[consent]]\nid = "a"\nchannels = ["fax"]', "consent[0].channels[0]: 'fax' is not on"),
        ('[[consent]]\nid = "a"\nchannels = ["sms", "sms"]', "consent[0].channels: a channel sta"),
        ('[[consent]]\nid = "personal_data"\nchannels = ["sms"]', "consent[0].channels: personal"),
        (f'[[consent]]\nid = "a"\ntext.en = "{"x" * 2_001}"', "consent[0].text.en: has more than"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(text: str, said: str) -> None:
    with pytest.raises(QuestionnaireError) as wrong:
        load(text)
    assert str(wrong.value).startswith(said), str(wrong.value)


def test_the_most_that_may_be_asked_is_read() -> None:
    load("".join(question(id=f'"q{n}"') for n in range(QUESTIONS_MAX)))
    load(question(kind='"choice"', choices=f'["{"x" * ANSWER_CHARS_MAX}"]'))


def test_what_may_not_be_meant_is_said() -> None:
    text = OF_THE_SPEC.replace('id = "phone"\nkind = "phone"', 'id = "name"\nkind = "name"')
    text = text.replace('ask.en = "For whom?"', "").replace('one_of = "contact"\n', "", 1)
    assert doubts(load(text)) == (
        ("question[1].one_of", "no other question is in this group, so it is required"),
        ("question[2].ask", "says nothing, so that its id is shown; write ask.en"),
        ("consent.marketing", "has a channel that needs a phone; nobody asks it"),
    )
    assert doubts(load(OF_THE_SPEC)) == ()
