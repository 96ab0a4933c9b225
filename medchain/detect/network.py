"""The convolutional network, its training and its conversion: only this file imports TensorFlow.

A dense layer arranges the features of a row into a short sequence of a few channels, so that the
convolutions after it see features together as neighbours (soft ordering; Baosenguo, Kaggle MoA
2020). Piecewise-linear bins of each feature and a linear path stand beside it. Several members are
groups of one network and are trained in one computation; which rows a member learns from is a mask.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from .plan import Plan
from .quiet import quiet_stderr

tf.get_logger().setLevel("ERROR")
Matrix = NDArray[np.float32]
Progress = Callable[[str, int, int], None]
Start = Callable[[Matrix], tuple[Matrix, Matrix]]
_JIT = sys.platform == "linux"
_TOGETHER = 8192
_FEW_EPOCHS = 3
_EPOCH_OF_A_ZIP = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Bins:
    """Piecewise-linear bins: feature `first` + i of the input has starts[t, i] and widths[t, i].

    A width of 0 marks a bin that is not used.
    """

    first: int
    starts: Matrix
    widths: Matrix


class PackedConv1D(keras.layers.Conv1D):  # type: ignore[misc]
    """A grouped convolution as one batched matrix product, which trains many times faster."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """inputs: rows x length x (groups * channels); as in `keras.layers.Conv1D`."""
        width, channels, outputs = kernel.shape
        length = inputs.shape[1]
        if self.padding == "same":
            inputs = tf.pad(inputs, [[0, 0], [(width - 1) // 2, width // 2], [0, 0]])
        else:
            length -= width - 1
        near = tf.stack([inputs[:, i : i + length] for i in range(width)], 2)
        near = tf.reshape(near, [-1, length, width, self.groups, channels])
        kernel = tf.reshape(kernel, [width, channels, self.groups, outputs // self.groups])
        return tf.reshape(tf.einsum("blkmc,kcmh->blmh", near, kernel), [-1, length, outputs])


def classifier(width: int, bins: Bins, plan: Plan, seed: int, *, packed: bool) -> Any:
    """The network: rows x `width` to rows x members.

    `packed` takes the convolution that trains fast; without it every layer is Keras's own.
    """
    row = keras.Input((width,), name="row")
    wide = _binned(row, bins)
    paths = []
    if plan.convolution:
        paths.append(_neighbours(wide, plan, seed, packed))
    if plan.linear:
        # The bias stands in the last convolution, where there is one.
        paths.append(
            keras.layers.Dense(
                plan.members,
                use_bias=not plan.convolution,
                kernel_initializer="zeros",
                name="linear",
            )(wide)
        )
    said = keras.layers.Add(name="said")(paths) if len(paths) > 1 else paths[0]
    return keras.Model(row, said, name="members")


def _neighbours(wide: Any, plan: Plan, seed: int, packed: bool) -> Any:
    """Features arranged as a sequence, and the convolutions over it."""
    arrange = keras.layers.Dense(
        plan.length * plan.members * plan.channels,
        activation="relu",
        kernel_initializer=keras.initializers.HeNormal(4 * seed),
        name="arrange",
    )
    line = keras.layers.Reshape((plan.length, plan.members * plan.channels), name="sequence")
    near = _convolution(plan, plan.filters, 3, 4 * seed + 1, "neighbours", packed)
    wider = _convolution(plan, plan.filters, 3, 4 * seed + 2, "wider", packed)
    read = _convolution(plan, 1, plan.length // 2, 4 * seed + 3, "read", packed)
    hidden = keras.layers.AveragePooling1D(2, name="pool")(near(line(arrange(wide))))
    return keras.layers.Flatten(name="members")(read(wider(hidden)))


def _convolution(plan: Plan, filters: int, width: int, seed: int, name: str, packed: bool) -> Any:
    """A convolution that keeps the members apart; the last one, of one filter, is linear."""
    kind = PackedConv1D if packed else keras.layers.Conv1D
    return kind(
        plan.members * filters,
        width,
        groups=plan.members,
        padding="valid" if filters == 1 else "same",
        activation=None if filters == 1 else "relu",
        kernel_initializer=keras.initializers.HeNormal(seed),
        name=name,
    )


def _binned(row: Any, bins: Bins) -> Any:
    count, features = bins.starts.shape
    if count * features == 0:
        return row
    width = row.shape[1]
    after = width - bins.first - features
    # Layers with a name: a slice would be named after how many were made before it.
    part = keras.layers.Reshape((width, 1), name="column")(row)
    part = keras.layers.Cropping1D((bins.first, after), name="part")(part)
    part = keras.layers.Reshape((1, features), name="apart")(part)
    # The start is taken off before anything is multiplied, which loses no digits near it.
    past = keras.layers.DepthwiseConv1D(1, depth_multiplier=count, trainable=False, name="past")
    slope = keras.layers.DepthwiseConv1D(1, use_bias=False, trainable=False, name="slope")
    part = slope(past(part))
    past.set_weights([np.ones((1, features, count), np.float32), -bins.starts.T.ravel()])
    used = bins.widths > 0
    slope.set_weights([np.where(used, 1 / np.where(used, bins.widths, 1), 0).T.reshape(1, -1, 1)])
    part = keras.layers.ReLU(max_value=1.0, name="within")(part)
    part = keras.layers.Flatten(name="binned")(part)
    return keras.layers.Concatenate(name="features")([row, part])


class Training:
    """One run of training: the model, its averaged shadow, and one compiled epoch."""

    def __init__(self, build: Callable[..., Any], plan: Plan, loss: Callable[..., Any]) -> None:
        self.model, self.shadow = build(packed=True), build(packed=True)
        self.shadow.set_weights(self.model.get_weights())
        self.plan, self.loss = plan, loss
        self.optimizer = keras.optimizers.AdamW(plan.rate, weight_decay=plan.decay)
        self.optimizer.exclude_from_weight_decay(var_names=["bias"])
        self.optimizer.build(self.model.trainable_variables)
        self.steps = tf.Variable(0.0, trainable=False)
        # Compiling takes as long as some hundred steps on a small table.
        jit = _JIT and plan.epochs > _FEW_EPOCHS
        self.epoch = tf.function(self._epoch, jit_compile=jit)
        self._shadow = tf.function(lambda rows: self.shadow(rows, training=False), jit_compile=jit)

    def begin(self, rows: Matrix, start: Start) -> None:
        """Let the linear path begin where `start` says, and bins and convolutions at nothing."""
        known, intercepts = start(rows)
        for model in (self.model, self.shadow):
            linear = model.get_layer("linear")
            weights = np.zeros(linear.kernel.shape, np.float32)
            weights[: len(known)] = known
            if self.plan.convolution:
                read = model.get_layer("read")
                read.set_weights([np.zeros_like(read.get_weights()[0]), intercepts])
                linear.set_weights([weights])
            else:
                linear.set_weights([weights, intercepts])

    def predict(self, rows: Any) -> Matrix:
        """What the averaged members say of every row, some thousand rows at a time."""
        parts = range(0, rows.shape[0], _TOGETHER)
        return np.concatenate(
            [self._shadow(rows[start : start + _TOGETHER]).numpy() for start in parts]
        )

    def _epoch(self, order: Any, rows: Any, targets: Any, masks: Any) -> None:
        for step in tf.range(tf.shape(order)[0]):
            chosen = order[step]
            self._step(
                tf.gather(rows, chosen), tf.gather(targets, chosen), tf.gather(masks, chosen)
            )

    def _step(self, rows: Any, targets: Any, masks: Any) -> None:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            each = self.loss(targets, self.model(rows, training=True))
            total = tf.reduce_sum(tf.reduce_sum(each * masks, 0) / (tf.reduce_sum(masks, 0) + 1e-6))
        self.optimizer.apply(tape.gradient(total, variables), variables)
        self.steps.assign_add(1.0)
        keep = tf.minimum(self.plan.ema, self.steps / (self.steps + 9.0))
        for average, now in zip(self.shadow.trainable_variables, variables, strict=True):
            average.assign(average * keep + now * (1.0 - keep))


def cross_entropy(targets: Any, logits: Any) -> Any:
    """Binary cross-entropy of every row (rows x 1) and member (rows x members)."""
    return tf.nn.sigmoid_cross_entropy_with_logits(
        logits=logits, labels=tf.broadcast_to(targets, tf.shape(logits))
    )


def squared_error(targets: Any, said: Any) -> Any:
    """Squared difference for every row (rows x 1) and member (rows x members)."""
    return tf.square(said - targets)


def train(
    build: Callable[..., Any],
    plan: Plan,
    rows: Matrix,
    targets: Matrix,
    masks: Matrix,
    loss: Callable[..., Any],
    outside: Callable[[Matrix], float],
    seed: int,
    progress: Progress | None = None,
    start: Start | None = None,
) -> tuple[list[NDArray[Any]], Matrix]:
    """Train until `outside`, a loss of what members say of rows they never saw, is lowest.

    ``masks`` (rows x members) is 1 where a member learns from a row. `start` gives the linear
    path's first weights, one for each input, and intercepts. Returns the averaged
    weights of the best epoch and its predictions for `rows`.
    """
    tf.config.experimental.enable_op_determinism()
    run = Training(build, plan, loss)
    if start and plan.linear:
        run.begin(rows, start)
    shuffle = np.random.default_rng(seed)
    batch = min(plan.batch, len(rows))
    data = [tf.constant(part) for part in (rows, targets, masks)]
    weights, found, waited = run.shadow.get_weights(), run.predict(data[0]), 0
    best = outside(found)
    for epoch in range(plan.epochs):
        order = shuffle.permutation(len(rows))[: len(rows) // batch * batch]
        run.epoch(tf.constant(order.reshape(-1, batch), tf.int32), *data)
        predicted = run.predict(data[0])
        now = outside(predicted)
        if progress:
            progress("training", epoch + 1, plan.epochs)
        if now < best - 1e-5:
            best, weights, found, waited = now, run.shadow.get_weights(), predicted, 0
        else:
            waited += 1
            if waited >= plan.patience:
                break
    return weights, found


def averaged(build: Callable[..., Any], weights: list[NDArray[Any]], plan: Plan) -> Any:
    """The trained network of plain Keras layers, with the mean over members as output."""
    members = build(packed=False)
    members.set_weights(weights)
    mean = keras.layers.Dense(1, use_bias=False, trainable=False, name="mean")
    model = keras.Model(members.input, mean(members.output), name="network")
    count = min(plan.averaged, plan.members)
    shares = np.where(np.arange(plan.members) < count, 1 / count, 0)
    mean.set_weights([shares[:, None].astype(np.float32)])
    return model


def keras_bytes(model: Any) -> bytes:
    """The model as a .keras file that holds no date and no memory address."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        model.save(path)
        written = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(written.namelist()):
            out.writestr(
                zipfile.ZipInfo(name, _EPOCH_OF_A_ZIP), _timeless(name, written.read(name))
            )
    return plain.getvalue()


def _timeless(name: str, data: bytes) -> bytes:
    """One file of a .keras archive without what differs between two runs."""
    if name == "metadata.json":
        about = json.loads(data)
        about.pop("date_saved", None)
        return json.dumps(about, sort_keys=True).encode()
    if name == "config.json":
        seen: dict[bytes, int] = {}
        return re.sub(
            rb'(?<="shared_object_id": )\d+',
            lambda found: b"%d" % seen.setdefault(found[0], len(seen) + 1),
            data,
        )
    return data


def lite_bytes(model: Any, block: int) -> bytes:
    """The model converted to LiteRT, for blocks of exactly `block` rows."""
    shape = tf.TensorSpec((block, model.input_shape[1]), tf.float32, name="row")
    call = tf.function(lambda row: model(row, training=False), input_signature=[shape])
    frozen = convert_variables_to_constants_v2(call.get_concrete_function())
    with quiet_stderr():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], model)
        converter.experimental_lower_to_saved_model = False  # a detour over the disk
        converted: bytes = converter.convert()
    return converted


def predictions(model: Any, rows: Matrix) -> Matrix:
    """What Keras itself says of `rows`."""
    parts = range(0, len(rows), _TOGETHER)
    return np.concatenate(
        [model(rows[start : start + _TOGETHER], training=False).numpy() for start in parts]
    )
