"""A complete trainer in PyTorch: the mesh's dense layers as nn.Sequential, SGD with momentum.

    meldmesh join --manifest mesh.yaml --data mnist --trainer "python3 trainers/python/pytorch_mlp.py"

It trains on the node's --data. To train on data of your own, put them where `mesh.samples()` stands; to use a GPU,
move model and batches there. Any module will do whose parameters have the mesh's names, shapes and order.
"""

import torch
from torch import nn

from meldmesh_trainer import run

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "linear": nn.Identity}


class TorchTrainer:
    name = "torch"

    def __init__(self, mesh):
        modules, size = [], mesh.model["inputs"]
        for layer in mesh.model["layers"]:
            modules += [nn.Linear(size, layer["units"]), ACTIVATIONS[layer["activation"]]()]
            size = layer["units"]
        self.model = nn.Sequential(*modules)
        self.loss = nn.CrossEntropyLoss()
        self.names = [tensor.name for tensor in mesh.tensors]
        # The optimizer stays from round to round, and its momentum with it.
        settings = {"lr": mesh.training["learningRate"], "momentum": mesh.training["momentum"]}
        self.optimizer = torch.optim.SGD(self.model.parameters(), **settings)
        training, self.test = mesh.samples(), mesh.test()
        if training is None:
            raise ValueError("give the node --data, or load your own samples here")
        self.inputs, self.labels = tensors(training)
        self.samples = len(self.labels)
        if self.test is None:
            self.evaluate = None

    def reset(self):
        self.optimizer.state.clear()

    def load(self, weights):
        # nn.Linear keeps [units, inputs], the mesh [inputs, units]; the transpose of a bias is itself.
        with torch.no_grad():
            for name, parameter in zip(self.names, self.model.parameters()):
                parameter.copy_(torch.from_numpy(weights[name].T))

    def train(self, weights, job):
        self.load(weights)
        total = 0.0
        for step, chosen in enumerate(job.batches(self.samples), start=1):
            chosen = torch.from_numpy(chosen)
            loss = self.loss(self.model(self.inputs[chosen]), self.labels[chosen])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item()
            job.progress(step, loss.item())
        trained = (parameter.detach().numpy().T for parameter in self.model.parameters())
        return dict(zip(self.names, trained)), total / job.steps

    def evaluate(self, weights):
        self.load(weights)
        inputs, labels = tensors(self.test)
        with torch.no_grad():
            logits = self.model(inputs)
            accuracy = (logits.argmax(dim=1) == labels).float().mean().item()
            return accuracy, self.loss(logits, labels).item()


def tensors(samples):
    inputs, labels = samples
    return torch.from_numpy(inputs), torch.from_numpy(labels).long()


if __name__ == "__main__":
    torch.set_num_threads(1)  # A member is a guest on its machine; take more where it is yours.
    run(TorchTrainer)
