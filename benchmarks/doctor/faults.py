"""All seeded faults, family by family."""

from __future__ import annotations

from fault import Fault
from faults_autoencoder import AUTOENCODER
from faults_cnn import CNN
from faults_diffusion import DIFFUSION
from faults_feedforward import FEEDFORWARD
from faults_vae import VAES

FAULTS: list[Fault] = [*FEEDFORWARD, *CNN, *AUTOENCODER, *VAES, *DIFFUSION]
