"""Saves models in every way that Keras has, and what Keras says of their weights.

models.py FOLDER

Run by the tests: the files hold dates and random identifiers, so they are made anew each time.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import warnings
import zipfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"
warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import h5py
import keras
import numpy as np
from keras import layers
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

DTYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "int32": "I32"}


def attention(wrapped: bool):
    """The classifier of this project: a softmax over positions weighs the projected features."""
    inputs = keras.Input((4, 7))
    fc = layers.Dense(5, name="fc")
    hidden = layers.TimeDistributed(fc, name="each")(inputs) if wrapped else fc(inputs)
    weights = layers.Softmax(axis=1)(layers.Dense(1, name="attention")(hidden))
    context = layers.Flatten()(layers.Dot(axes=1)([weights, hidden]))
    return keras.Model(inputs, layers.Dense(3, name="classifier")(context), name="net")


def encoder(size: int):
    return keras.Sequential(
        [
            keras.Input((size,)),
            layers.Dense(6, name="fc"),
            layers.Dropout(0.5),
            layers.BatchNormalization(name="bn"),
        ],
        name="encoder",
    )


def zoo():
    """Layers in layers, equal names at different places, options that leave variables out."""
    image = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, (2, 3), name="conv")(image)
    x = layers.BatchNormalization(name="bn", scale=False)(x)
    x = encoder(80)(layers.Flatten()(x))
    words = keras.Input((8,))
    e = layers.Embedding(11, 6, name="words")(words)
    m = layers.Flatten()(layers.MultiHeadAttention(2, 3, name="heads")(e, e))
    r = layers.Bidirectional(layers.LSTM(5, name="lstm"), name="both")(e)
    g = layers.GRU(3, name="gru")(e)
    x = layers.LayerNormalization(name="norm")(layers.Concatenate()([x, m, r, g]))
    x = layers.Dense(2, name="fc", use_bias=False)(x)
    model = keras.Model([image, words], x, name="zoo")
    model.compile("adam", "mse")
    model.train_on_batch([np.ones((2, 6, 6, 3)), np.ones((2, 8))], np.ones((2, 2)))
    return model


def classes():
    """One of each class whose variables have names here, with its options at their defaults."""
    line, plane, room = keras.Input((9, 4)), keras.Input((7, 8, 3)), keras.Input((5, 6, 7, 2))
    outputs = [
        layer(inputs)
        for inputs, group in [
            (
                line,
                [
                    layers.Conv1D(5, 2),
                    layers.Conv1DTranspose(5, 2),
                    layers.DepthwiseConv1D(2),
                    layers.SeparableConv1D(5, 2),
                    layers.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d"),
                    layers.EinsumDense("abc,cd->abd", (None, 6)),
                    layers.GroupNormalization(2),
                    layers.GroupNormalization(2, center=False),
                    layers.LayerNormalization(scale=False),
                    layers.RMSNormalization(),
                    layers.PReLU(),
                    layers.SimpleRNN(3),
                    layers.GRU(3, use_bias=False),
                ],
            ),
            (
                plane,
                [
                    layers.Conv2DTranspose(5, 2),
                    layers.DepthwiseConv2D(2),
                    layers.SeparableConv2D(5, 2, use_bias=False),
                    layers.ConvLSTM1D(3, 2),
                    layers.BatchNormalization(center=False),
                ],
            ),
            (
                room,
                [
                    layers.Conv3D(3, 2),
                    layers.Conv3DTranspose(3, 2),
                    layers.ConvLSTM2D(3, 2),
                ],
            ),
        ]
        for layer in group
    ]
    outputs.append(layers.GroupQueryAttention(3, 4, 2)(line, line))
    return keras.Model([line, plane, room], outputs, name="classes")


def half(dtype: str):
    return keras.Sequential(
        [keras.Input((7,)), layers.Dense(5, name="fc", dtype=dtype)], name="half"
    )


def many():
    """More names than one attribute holds, and more layers than single digits count."""
    stack = [layers.Dense(2, name=f"layer_{i}_" + "x" * 1000) for i in range(66)]
    return keras.Sequential([keras.Input((3,)), *stack], name="many")


def code():
    twice = layers.Lambda(lambda x: x * 2, name="twice")
    return keras.Sequential([keras.Input((7,)), twice, layers.Dense(5, name="fc")])


class Net(keras.Model):
    def __init__(self):
        super().__init__(name="net")
        self.fc = layers.Dense(5)
        self.other = layers.Dense(3, name="classifier")
        self.blocks = [layers.Dense(5, name="first"), layers.Dense(5, name="second")]

    def build(self, shape):
        self.scale = self.add_weight(shape=(5,), name="scale")
        super().build(shape)

    def call(self, x):
        x = self.fc(x)
        for block in self.blocks:
            x = block(x)
        return self.other(x * self.scale)


def entry(name: str, variable) -> dict:
    array = keras.ops.convert_to_numpy(variable)
    return {
        "name": name,
        "dtype": DTYPES[str(array.dtype)],
        "shape": list(array.shape),
        "hex": np.ascontiguousarray(array).tobytes().hex(),
    }


def without_names(source: Path, target: Path) -> None:
    """As Keras 2.13 wrote it: another name for the list of layers, and no names of layers."""

    def strip(path, item):
        item.attrs.pop("name", None)

    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        held = io.BytesIO(old.read("model.weights.h5"))
        with h5py.File(held, "r+") as file:
            file.visititems(strip)
            file.move("layers", "_layer_checkpoint_dependencies")
            file["metrics/mean/vars/0"] = np.float32(1)
        new.writestr("metadata.json", old.read("metadata.json"))
        new.writestr("config.json", old.read("config.json"))
        new.writestr("model.weights.h5", held.getvalue())


def deflated(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source) as old:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
            new.writestr("assets/words.txt", "a\nb\n")


def main() -> None:
    folder = Path(sys.argv[1])
    keras.utils.set_random_seed(3)
    expected = {}

    def save(name: str, model, shard: float = 3e-6) -> None:
        for variable in model.weights:
            # Nothing is 0 or 1 everywhere, so that no two variables are alike.
            value = np.random.default_rng(len(variable.path)).normal(size=variable.shape)
            variable.assign(variable + keras.ops.cast(value, variable.dtype))
        model.save(folder / f"{name}.keras")
        model.save_weights(folder / f"{name}.weights.h5")
        model.save_weights(folder / f"{name}.weights.json", max_shard_size=shard)
        model.save(folder / f"{name}.h5")
        with h5py.File(folder / f"{name}-weights.h5", "w") as file:
            save_weights_to_hdf5_group(file, model)
        # The order of `_legacy_weights`.
        ordered = [
            variable
            for layer in model.layers
            for variable in layer.trainable_weights + layer.non_trainable_weights
        ]
        expected[name] = [
            entry(v.path.removeprefix(f"{model.name}/").replace("/", "."), v) for v in ordered
        ]

    save("attention", attention(False))
    save("wrapped", attention(True))
    model = zoo()
    save("zoo", model)
    expected["optimizer"] = [
        entry(f"optimizer.{i}", v) for i, v in enumerate(model.optimizer.variables)
    ]
    without_names(folder / "zoo.keras", folder / "zoo-old.keras")
    deflated(folder / "zoo.keras", folder / "zoo-deflated.keras")
    save("classes", classes(), shard=1e-5)
    save("bfloat16", half("bfloat16"))
    save("float16", half("float16"))
    save("many", many())
    with h5py.File(folder / "many-weights.h5") as file:
        assert "layer_names0" in file.attrs and "layer_names" not in file.attrs
    save("code", code())
    net = Net()
    net(np.ones((2, 7)))
    net.save_weights(folder / "net.weights.h5")
    expected["net"] = [entry(v.path, v) for v in net.weights]
    (folder / "expected.json").write_text(json.dumps(expected))


main()
