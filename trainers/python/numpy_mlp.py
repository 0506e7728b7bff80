"""A complete trainer in NumPy: the mesh's dense layers, softmax cross-entropy, SGD with momentum.

    meldmesh join --manifest mesh.yaml --data mnist --trainer "python3 trainers/python/numpy_mlp.py"
    meldmesh join --manifest mesh.yaml --trainer "python3 trainers/python/numpy_mlp.py my-samples.npz"

Without an argument it trains on the node's --data. An NPZ file has arrays x and y, or x_train, y_train, x_test and
y_test; a CSV file has its class in the column `label` of its header, or in the first one.
"""

import os
import sys

# Before NumPy loads: a member is a guest on its machine. Take more threads where it is yours.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from meldmesh_trainer import run


class NumpyTrainer:
    name = "numpy"

    def __init__(self, mesh):
        self.activations = [layer["activation"] for layer in mesh.model["layers"]]
        self.names = [tensor.name for tensor in mesh.tensors]
        if len(sys.argv) > 1:
            training, self.test = read_own(sys.argv[1], mesh)
        else:
            training, self.test = mesh.samples(), mesh.test()
        if training is None:
            raise ValueError("give the node --data, or this program a CSV or NPZ file")
        self.inputs, self.labels = training
        self.samples = len(self.labels)
        if self.test is None:
            self.evaluate = None
        # The momentum goes on from round to round, as in the mesh's own trainer.
        self.velocity = {tensor.name: np.zeros(tensor.shape, np.float32) for tensor in mesh.tensors}

    def reset(self):
        for array in self.velocity.values():
            array.fill(0)

    def train(self, weights, job):
        total = 0.0
        for step, chosen in enumerate(job.batches(self.samples), start=1):
            loss, gradients = self.gradients(weights, self.inputs[chosen], self.labels[chosen])
            for name, gradient in gradients.items():
                self.velocity[name] *= job.momentum
                self.velocity[name] += gradient
                weights[name] -= job.learning_rate * self.velocity[name]
            total += loss
            job.progress(step, loss)
        return weights, total / job.steps

    def evaluate(self, weights):
        inputs, labels = self.test
        total, correct = 0.0, 0
        for start in range(0, len(labels), 500):
            part = labels[start : start + 500]
            logits = self.forward(weights, inputs[start : start + 500])[-1]
            correct += int((logits.argmax(axis=1) == part).sum())
            total += float(-log_softmax(logits)[np.arange(len(part)), part].sum())
        return correct / len(labels), total / len(labels)

    def layers(self):
        """(name of the kernel, name of the bias, activation) of each layer."""
        return list(zip(self.names[0::2], self.names[1::2], self.activations))

    def forward(self, weights, inputs):
        """The input of every layer and, last, the logits."""
        values = [inputs]
        for kernel, bias, activation in self.layers():
            sums = values[-1] @ weights[kernel] + weights[bias]
            if activation == "relu":
                np.maximum(sums, 0, out=sums)
            elif activation == "tanh":
                np.tanh(sums, out=sums)
            values.append(sums)
        return values

    def gradients(self, weights, inputs, labels):
        """Mean loss of the batch and its gradient by every tensor."""
        values = self.forward(weights, inputs)
        logs = log_softmax(values[-1])
        rows = np.arange(len(labels))
        loss = float(-logs[rows, labels].mean())
        upstream = np.exp(logs)
        upstream[rows, labels] -= 1
        upstream /= len(labels)
        gradients = {}
        for index, (kernel, bias, activation) in reversed(list(enumerate(self.layers()))):
            output = values[index + 1]
            if activation == "relu":
                upstream = upstream * (output > 0)
            elif activation == "tanh":
                upstream = upstream * (1 - output * output)
            gradients[kernel] = values[index].T @ upstream
            gradients[bias] = upstream.sum(axis=0)
            if index > 0:
                upstream = upstream @ weights[kernel].T
        return loss, gradients


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def read_own(path, mesh):
    """Training samples and, or None, test samples of a CSV or NPZ file, checked against the mesh."""
    if path.endswith(".npz"):
        with np.load(path) as arrays:
            prefix = "_train" if "x_train" in arrays else ""
            training = arrays["x" + prefix], arrays["y" + prefix]
            test = (arrays["x_test"], arrays["y_test"]) if "x_test" in arrays else None
    else:
        with open(path, encoding="utf-8-sig") as file:
            header = [cell.strip().strip('"') for cell in file.readline().split(",")]
        named = not all(is_number(cell) for cell in header)
        table = np.loadtxt(path, delimiter=",", skiprows=int(named), ndmin=2, encoding="utf-8-sig")
        column = header.index("label") if named and "label" in header else 0
        training, test = (np.delete(table, column, axis=1), table[:, column]), None
    return prepare(training, mesh), test and prepare(test, mesh)


def prepare(samples, mesh):
    inputs, labels = samples
    inputs = inputs.reshape(len(inputs), -1).astype(np.float32) / np.float32(mesh.data["scale"])
    labels = labels.reshape(-1).astype(np.int64)
    if inputs.shape[1] != mesh.data["inputs"] or len(labels) != len(inputs):
        raise ValueError(f"samples of shape {inputs.shape} with {len(labels)} labels do not fit the mesh")
    if labels.min() < 0 or labels.max() >= mesh.data["classes"]:
        raise ValueError(f"labels must be from 0 to {mesh.data['classes'] - 1}")
    return inputs, labels


def is_number(text):
    try:
        float(text)
        return True
    except ValueError:
        return False


if __name__ == "__main__":
    run(NumpyTrainer)
