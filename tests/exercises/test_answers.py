"""Every exercise is solved and wrongly solved; each wrong answer gets its own explanation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from byhand.exercises import by_name, exercises
from byhand.exercises.child import examined
from byhand.exercises.compare import SEED, _copied, _parts, explain
from byhand.exercises.exercise import CHAPTERS

from .answers import ANSWERS

WRONG = [(name, i) for name, (_, wrong) in ANSWERS.items() for i in range(len(wrong))]
QUESTIONS = [(name, k) for name, one in exercises().items() for k in range(len(one.questions))]


def told(name: str, source: str, folder: Path) -> list[str]:
    path = folder / "answer.py"
    path.write_text(source, encoding="utf-8")
    return examined(by_name(name), str(path)).wrong


def test_every_exercise_has_a_solution_and_two_wrong_answers() -> None:
    assert ANSWERS.keys() == exercises().keys()
    assert all(len(wrong) >= 2 for _, wrong in ANSWERS.values())


@pytest.mark.parametrize("name", ANSWERS)
def test_the_solution_is_right(name: str, tmp_path: Path) -> None:
    assert told(name, ANSWERS[name][0], tmp_path) == []


@pytest.mark.parametrize(("name", "i"), WRONG)
def test_a_typical_wrong_answer_gets_its_own_explanation(name: str, i: int, tmp_path: Path) -> None:
    source, words = ANSWERS[name][1][i]
    wrong = told(name, source, tmp_path)
    assert words in " ".join(wrong), wrong
    assert all("\n" not in one for one in wrong)


@pytest.mark.parametrize("name", ANSWERS)
def test_no_two_wrong_answers_are_told_the_same(name: str) -> None:
    words = [words for _, words in ANSWERS[name][1]]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(("name", "k"), QUESTIONS)
def test_each_known_mistake_is_recognised_by_its_numbers_and_told_in_its_own_words(name: str, k: int) -> None:
    question = by_name(name).questions[k]
    cases = question.cases(np.random.default_rng(SEED))
    with np.errstate(all="ignore"):
        rights = [_parts(question.right(**_copied(case))) for case in cases]
        assert explain(question, rights, cases) == []
        for words, wrong in question.mistakes.items():
            answers = [_parts(wrong(*_copied(case).values())) for case in cases]
            assert words in " ".join(explain(question, answers, cases))


@pytest.mark.parametrize("name", exercises())
def test_an_exercise_says_what_a_learner_needs(name: str) -> None:
    one = by_name(name)
    assert one.chapter in CHAPTERS and len(one.hints) >= 2 and bool(one.questions) != bool(one.examine)
    assert "Write:" in one.text or "Find:" in one.text
    assert max(map(len, one.text.splitlines())) <= 130
    places = [(other.chapter, other.place) for other in exercises().values()]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("name", exercises())
def test_a_stub_as_it_is_written_is_not_right(name: str, tmp_path: Path) -> None:
    from byhand.exercises.stub import stub

    wrong = told(name, stub(by_name(name)), tmp_path)
    assert len(wrong) >= 1
    if by_name(name).questions:
        assert any(word in wrong[0] for word in ("yet", "answer.py:"))


def test_the_documents_say_how_many_exercises_there_are() -> None:
    root = Path(__file__).parents[2]
    for name in ("README.md", "docs/exercises.md"):
        told = re.search(r"`byhand exercise` (?:has|lists) (\d+)", (root / name).read_text(encoding="utf-8"))
        assert told is not None and int(told[1]) == len(exercises()), name
