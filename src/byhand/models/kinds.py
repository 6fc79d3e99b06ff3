"""The kinds of networks that byhand brings: importing this enters them all in the table. A new one is a name here."""

from __future__ import annotations

from byhand import feedforward
from byhand.errors import ModelError
from byhand.models import autoencoder, cnn, conv_autoencoder, denoiser, gan, iwae, lstm, transformer, vae
from byhand.network_kinds import KINDS, NetworkKind
from byhand.nn import network

OWN = (feedforward, network, cnn, transformer, lstm, autoencoder, vae, iwae, conv_autoencoder, denoiser, gan)


def of_recipe(name: str) -> NetworkKind:
    """The kind that a recipe names; raises ModelError for an unknown one.

    >>> of_recipe("vae").settings
    ('model_options', 'hidden', 'activation')
    """
    kind = KINDS.get(name)
    if kind is None or kind.build is None:
        raise ModelError(f"model must be one of {', '.join(in_recipes())}, got {name!r}")
    return kind


def in_recipes() -> list[str]:
    """The names that a recipe may give its model."""
    return [kind.name for kind in KINDS.values() if kind.build is not None]


def in_files() -> list[str]:
    """The names that a model file may give its network."""
    return [kind.name for kind in KINDS.values() if kind.read is not None]
