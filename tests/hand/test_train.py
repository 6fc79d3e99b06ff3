"""Training a hand: it comes nearer to what was given, and what cannot be trained is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from byhand.errors import ByhandError, DataError, ModelError
from byhand.hand.train import HAND_FILE, open_own_hand, train_hand
from byhand.shipped import find_model
from byhand.writing.letters import open_hand
from byhand.writing.sentence import compose


def given(folder: Path, names: str) -> np.ndarray:
    """A folder with characters of letters that the shipped network drew, leaning."""
    drawn = open_hand("pixels").draw(list(names), [f"given {i}" for i in range(len(names))], seed=3)
    pictures = np.stack([letter.ink for letter in drawn])
    folder.mkdir()
    np.savez(
        folder / "characters.npz",
        pictures=np.round(pictures * 255).astype(np.uint8),
        characters=np.array(list(names)),
        extents=np.tile(np.array([3, 3, 9, 11], np.float32), (len(names), 1)),
    )
    return pictures


def test_fewer_than_ten_characters_are_refused_with_what_is_needed(tmp_path: Path) -> None:
    given(tmp_path / "hand", "abcde")
    with pytest.raises(DataError, match="must hold 10 usable characters or more, got 5"):
        train_hand(tmp_path / "hand")
    assert not (tmp_path / "hand" / HAND_FILE).exists()


def test_a_folder_without_characters_or_with_damaged_ones_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="byhand hand read"):
        train_hand(tmp_path)
    (tmp_path / "characters.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="is damaged"):
        train_hand(tmp_path)


def test_another_model_is_no_hand_and_an_untrained_folder_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="byhand hand train"):
        open_own_hand(tmp_path)
    (tmp_path / HAND_FILE).write_bytes(find_model("emnist-diffusion").read_bytes())
    with pytest.raises(ByhandError, match="must be a hand"):
        compose("Hi", own=tmp_path)


@pytest.mark.slow
def test_a_trained_hand_draws_letters_nearer_to_the_given_ones(tmp_path: Path) -> None:
    pictures = given(tmp_path / "hand", "aabbccddeeff")
    trained = train_hand(tmp_path / "hand", steps=60)
    own = open_own_hand(tmp_path / "hand")
    assert (own.given, own.style) == ("abcdef", trained.style)
    names = [str(i) for i in range(6)]

    def distance(letters: list) -> float:
        apart = [np.linalg.norm(pictures[2 * i : 2 * i + 2] - one.ink, axis=(1, 2)).min() for i, one in enumerate(letters)]
        return float(np.mean(apart))

    assert distance(own.hand.draw(list("abcdef"), names)) < distance(open_hand("pixels").draw(list("abcdef"), names))
    assert len(compose("fab", own=tmp_path / "hand", best_of=1).letters) == 3
