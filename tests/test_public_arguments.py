"""Whatever a public constructor or call is given: an object, or one line that says what is wrong, and no traceback."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import byhand
from byhand import FeedForward, data, nn, optim, schedules
from byhand.data.augment import Augment
from byhand.data.dataset import Dataset, Splits, stratified_split
from byhand.data.moons import make_moons
from byhand.errors import ByhandError
from byhand.models import noise_schedules
from byhand.models.autoencoder import Autoencoder
from byhand.models.cnn import cnn
from byhand.models.conv_autoencoder import ConvAutoencoder, ConvVAE
from byhand.models.denoiser import DiffusionNetwork
from byhand.models.mlp_denoiser import MLPDenoiser
from byhand.models.transformer import Transformer
from byhand.models.unet import UNet
from byhand.models.vae import VAE
from byhand.training.fit import EarlyStopping, fit
from byhand.training.plateau import ReduceLROnPlateau
from byhand.training.steps import steps

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2.5,
    float("nan"),
    float("inf"),
    10**30,
    10**400,
    "x",
    "",
    "٣",
    b"x",
    (),
    [],
    {},
    [0],
    [None],
    ["x"],
    [-1, 2],
    {"a": 1},
    {1: 2},
    object(),
    np.zeros(3),
    np.float64("nan"),
    np.array("x"),
    len,
    int,
    lambda: 1,
    slice(None),
)


def some() -> Dataset:
    return Dataset("some", np.eye(6, 4, dtype=np.float32), np.array([0, 1, 2, 0, 1, 2]), ("a", "b", "c"))


def net() -> FeedForward:
    return FeedForward((4, 3), seed=1)


# What is called, and arguments with which it works: each is replaced by every odd value in turn.
CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "FeedForward": (
        FeedForward,
        {
            "sizes": (4, 3),
            "activation": "tanh",
            "output": "sigmoid",
            "cost": "quadratic",
            "initialiser": "he",
            "l2": 0.1,
            "l1": 0.1,
            "dropout": 0.1,
            "seed": 1,
            "dtype": "float64",
        },
    ),
    **{
        kind.__name__: (
            kind,
            {name: one.default for name, one in inspect.signature(kind).parameters.items()} | {"learning_rate": 0.1},
        )
        for kind in optim.OPTIMIZERS.values()
    },
    "optim.by_name": (optim.by_name, {"name": "sgd", "learning_rate": 0.1}),
    "schedules.by_name": (schedules.by_name, {"name": "cosine"}),
    "Dataset": (
        Dataset,
        {"name": "d", "inputs": some().inputs, "labels": some().labels, "class_names": ("a", "b", "c"), "source": ""},
    ),
    "load": (data.load, {"spec": "iris", "seed": 1}),
    "moons": (make_moons, {"n": 4, "noise": 0.1, "seed": 1, "name": "m"}),
    "Augment": (Augment, {"shift": 1.0, "rotate": 1.0, "scale": 0.1, "shear": 0.1, "elastic": 0.1}),
    "stratified_split": (stratified_split, {"data": some(), "fraction": 0.5, "seed": 0}),
    "VAE": (
        VAE,
        {
            "n": 4,
            "hidden": (3,),
            "latent": 2,
            "activation": "relu",
            "reconstruction": "bernoulli",
            "beta": 1.0,
            "warm_up": 0,
            "classes": 0,
            "seed": 0,
            "dtype": "float32",
        },
    ),
    "Autoencoder": (
        Autoencoder,
        {"n": 4, "hidden": (3,), "latent": 2, "activation": "relu", "noise": 0.0, "classes": 0, "seed": 0},
    ),
    "ConvVAE": (ConvVAE, {"latent": 2, "channels": (2,), "beta": 1.0, "warm_up": 0, "noise": 0.0, "seed": 0, "device": "cpu"}),
    "ConvAutoencoder": (ConvAutoencoder, {"latent": 2, "channels": (2,), "noise": 0.0, "seed": 0, "dtype": "float32"}),
    "UNet": (UNet, {"channels": (8, 8), "classes": 3, "image_channels": 1, "embedding": 8, "heads": 1}),
    "MLPDenoiser": (MLPDenoiser, {"features": 2, "width": 8, "depth": 1, "classes": 0}),
    "Transformer": (Transformer, {"n_characters": 5, "length": 4, "width": 8, "depth": 1, "heads": 2, "dropout": 0.0}),
    "cnn": (cnn, {"in_channels": 1, "n_classes": 3, "channels": (4,), "dropout": 0.1, "side": 8, "head": 4}),
    "DiffusionNetwork": (
        DiffusionNetwork,
        {
            "module": MLPDenoiser(2, width=8, depth=1),
            "input_shape": (2,),
            "schedule": "cosine",
            "steps": 10,
            "target": "v",
            "weighting": "plain",
            "gamma": 5.0,
            "label_dropout": 0.1,
            "ema_decay": 0.9,
            "mean": 0.0,
            "std": 1.0,
            "initialiser": "he",
            "seed": 0,
        },
    ),
    "noise linear": (noise_schedules.linear, {"steps": 1000, "first": 1e-4, "last": 0.02}),
    "noise cosine": (noise_schedules.cosine, {"steps": 10, "offset": 0.008}),
    "NoiseSchedule": (noise_schedules.NoiseSchedule, {"betas": [0.5, 0.9, 0.9]}),
    "Linear": (nn.Linear, {"in_features": 4, "out_features": 3, "bias": True}),
    "Conv2d": (
        nn.Conv2d,
        {
            "in_channels": 2,
            "out_channels": 2,
            "kernel_size": 3,
            "stride": 1,
            "padding": 1,
            "dilation": 1,
            "groups": 1,
            "bias": True,
            "padding_mode": "reflect",
        },
    ),
    "ConvTranspose2d": (
        nn.ConvTranspose2d,
        {"in_channels": 2, "out_channels": 2, "kernel_size": 3, "stride": 1, "padding": 1, "output_padding": 0, "groups": 1},
    ),
    "BatchNorm2d": (nn.BatchNorm2d, {"num_features": 2, "eps": 1e-5, "momentum": 0.1, "affine": True, "activation": None}),
    "LayerNorm": (nn.LayerNorm, {"normalized_shape": 4, "eps": 1e-5, "elementwise_affine": True, "bias": True}),
    "GroupNorm": (nn.GroupNorm, {"num_groups": 2, "num_channels": 4, "eps": 1e-5, "affine": True, "activation": "relu"}),
    "RMSNorm": (nn.RMSNorm, {"normalized_shape": 4, "elementwise_affine": True}),
    "Embedding": (nn.Embedding, {"num_embeddings": 4, "embedding_dim": 3}),
    "MultiheadAttention": (
        nn.MultiheadAttention,
        {"embed_dim": 4, "num_heads": 2, "causal": True, "dropout": 0.1, "bias": True, "kdim": 3, "vdim": 3, "scale": 1.0},
    ),
    "grouped queries": (nn.MultiheadAttention, {"embed_dim": 4, "num_heads": 2, "num_kv_heads": 1}),
    "TransformerEncoderLayer": (
        nn.TransformerEncoderLayer,
        {
            "d_model": 4,
            "nhead": 2,
            "dim_feedforward": 8,
            "dropout": 0.1,
            "activation": "gelu",
            "layer_norm_eps": 1e-5,
            "norm_first": True,
            "bias": True,
        },
    ),
    "RNN": (nn.RNN, {"input_size": 2, "hidden_size": 2, "num_layers": 1, "nonlinearity": "tanh"}),
    "LSTM": (
        nn.LSTM,
        {
            "input_size": 2,
            "hidden_size": 2,
            "num_layers": 1,
            "bias": True,
            "batch_first": True,
            "dropout": 0.1,
            "bidirectional": True,
        },
    ),
    "Dropout": (nn.Dropout, {"p": 0.5}),
    "LeakyReLU": (nn.LeakyReLU, {"negative_slope": 0.1}),
    "Softmax": (nn.Softmax, {"dim": -1}),
    "MaxPool2d": (nn.MaxPool2d, {"kernel_size": 2, "stride": 2, "padding": 0, "ceil_mode": True}),
    "AvgPool2d": (nn.AvgPool2d, {"kernel_size": 2, "stride": 2, "padding": 0, "ceil_mode": True, "count_include_pad": False}),
    "AdaptiveAvgPool2d": (nn.AdaptiveAvgPool2d, {"output_size": 2}),
    "Upsample": (nn.Upsample, {"scale_factor": 2, "mode": "nearest"}),
    "Upsample to a size": (nn.Upsample, {"size": 2, "mode": "bilinear", "align_corners": True}),
    "Conv1d": (
        nn.Conv1d,
        {
            "in_channels": 2,
            "out_channels": 2,
            "kernel_size": 3,
            "stride": 1,
            "padding": 1,
            "dilation": 1,
            "groups": 1,
            "bias": True,
            "padding_mode": "zeros",
        },
    ),
    "ConvTranspose1d": (
        nn.ConvTranspose1d,
        {"in_channels": 2, "out_channels": 2, "kernel_size": 3, "stride": 1, "padding": 1, "output_padding": 0, "groups": 1},
    ),
    "InstanceNorm2d": (nn.InstanceNorm2d, {"num_features": 2, "eps": 1e-5, "affine": True}),
    "ReflectionPad2d": (nn.ReflectionPad2d, {"padding": 2}),
    "PixelShuffle": (nn.PixelShuffle, {"upscale_factor": 2}),
    "PixelUnshuffle": (nn.PixelUnshuffle, {"downscale_factor": 2}),
    "Unflatten": (nn.Unflatten, {"dim": 1, "unflattened_size": (2, 3)}),
    "ELU": (nn.ELU, {"alpha": 1.0}),
    "PReLU": (nn.PReLU, {"num_parameters": 2, "init": 0.1}),
    "Softplus": (nn.Softplus, {"beta": 1.0}),
    "LogSoftmax": (nn.LogSoftmax, {"dim": -1}),
    "MSELoss": (nn.MSELoss, {"reduction": "sum"}),
    "HuberLoss": (nn.HuberLoss, {"reduction": "sum", "delta": 1.0}),
    "SmoothL1Loss": (nn.SmoothL1Loss, {"reduction": "sum", "beta": 1.0}),
    "KLDivLoss": (nn.KLDivLoss, {"reduction": "batchmean", "log_target": True}),
    "HingeEmbeddingLoss": (nn.HingeEmbeddingLoss, {"margin": 1.0, "reduction": "none"}),
    "GaussianNLLLoss": (nn.GaussianNLLLoss, {"full": True, "eps": 1e-6, "reduction": "mean"}),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss, {"weight": [1.0], "reduction": "mean", "pos_weight": [2.0]}),
    "CrossEntropyLoss": (
        nn.CrossEntropyLoss,
        {"weight": [1.0, 2.0], "ignore_index": 1, "reduction": "mean", "label_smoothing": 0.1},
    ),
    "MultiMarginLoss": (nn.MultiMarginLoss, {"p": 1, "margin": 1.0, "weight": [1.0], "reduction": "mean"}),
    "cross entropy": (nn.CrossEntropyLoss(), {"z": np.zeros((2, 3)), "y": np.zeros(2, int)}),
    "mean square": (nn.MSELoss(), {"a": np.zeros((2, 3)), "y": np.zeros((2, 3))}),
    "Dropout2d": (nn.Dropout2d, {"p": 0.5}),
    "Sequential": (lambda layer: nn.Sequential(nn.Linear(4, 3), layer), {"layer": nn.ReLU()}),
    "Residual": (nn.Residual, {"inner": nn.Linear(4, 4)}),
    "Network": (
        nn.Network,
        {
            "module": nn.Linear(4, 3),
            "input_shape": (4,),
            "cost": "mse",
            "label_smoothing": 0.0,
            "initialiser": "he",
            "seed": 0,
            "dtype": "float32",
            "device": "cpu",
        },
    ),
    "EarlyStopping": (EarlyStopping, {"patience": 3}),
    "ReduceLROnPlateau": (
        ReduceLROnPlateau,
        {"factor": 0.1, "patience": 3, "threshold": 0.1, "cooldown": 1, "min_lr": 0.0},
    ),
    "steps": (
        lambda **given: next(steps(**given)),
        {
            "model": net(),
            "data": some(),
            "epochs": 1,
            "batch_size": 3,
            "optimizer": optim.SGD(0.1),
            "schedule": "cosine",
            "clip": 1.0,
            "augment": None,
            "seed": 0,
            "even": False,
            "accumulate": 2,
        },
    ),
    "fit": (
        fit,
        {"model": net(), "data": some(), "validation": some(), "callbacks": (), "history": None, "epochs": 1, "batch_size": 6},
    ),
    "net.fit": (net().fit, {"data": some(), "epochs": 1}),
    "forward": (net().forward, {"x": np.zeros((2, 4))}),
    "learn": (net().learn, {"x": np.zeros((2, 4)), "y": np.zeros((2, 3))}),
    "evaluate": (net().evaluate, {"x": np.zeros((2, 4)), "y": np.zeros((2, 3))}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_an_odd_argument_is_taken_or_refused_in_one_line(name: str) -> None:
    call, right = CALLS[name]
    call(**right)  # else the test would say nothing
    for argument in right:
        for odd in ODD:
            if (name, argument) == ("steps", "augment") and callable(odd):
                continue  # somebody's own function fails with its own traceback
            try:
                with np.errstate(all="ignore"):
                    call(**(right | {argument: odd}))
            except ByhandError as error:
                told = str(error)
                assert "\n" not in told and len(told) < 600, f"{name}({argument}={type(odd).__name__}): {told}"
            except Exception as error:
                pytest.fail(f"{name}({argument}={odd!r:.40}): {type(error).__name__}: {error}")


def test_a_wrong_part_of_a_training_is_named() -> None:
    with pytest.raises(ByhandError, match=r"data must be a Dataset.*got Splits"):
        next(byhand.steps(net(), Splits(some(), None, some())))  # type: ignore[arg-type]
    with pytest.raises(ByhandError, match=r"optimizer must be .*got 'adam'"):
        next(byhand.steps(net(), some(), optimizer="adam"))  # type: ignore[arg-type]
    with pytest.raises(ByhandError, match=r"schedule must be one of constant, .*got 3"):
        next(byhand.steps(net(), some(), schedule=3))  # type: ignore[arg-type]
    with pytest.raises(ByhandError, match=r"callback 0 must be a Callback.*got function"):
        byhand.fit(net(), some(), callbacks=[lambda step: None])  # type: ignore[list-item]
    with pytest.raises(ByhandError, match=r"callbacks must be a list"):
        byhand.fit(net(), some(), callbacks=EarlyStopping())  # type: ignore[arg-type]
    with pytest.raises(ByhandError, match=r"model must be a network.*no learn"):
        next(byhand.steps(nn.Linear(4, 3), some()))  # type: ignore[arg-type]
    with pytest.raises(ByhandError, match=r"steps has no setting 'epoch'.*did you mean 'epochs'"):
        byhand.fit(net(), some(), epoch=3)
    with pytest.raises(ByhandError, match=r"augment must give back a batch of \(3, 4\), got None"):
        next(byhand.steps(net(), some(), batch_size=3, augment=lambda x, rng: None))  # type: ignore[arg-type, return-value]
