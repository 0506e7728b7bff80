"""The client of flower_simulation.py in a module of its own, so that Ray's actors import it and load the samples once."""

import functools
import json
import os
import types

import torch
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

settings = types.SimpleNamespace(**json.loads(os.environ["SETTINGS"]))


def mlp():
    return torch.nn.Sequential(
        torch.nn.Linear(settings.inputs, settings.hidden),
        torch.nn.ReLU(),
        torch.nn.Linear(settings.hidden, settings.classes),
    )


@functools.cache
def samples():
    torch.set_num_threads(1)
    raw = bytearray(open(os.environ["SAMPLES_FILE"], "rb").read())
    size = settings.count * settings.inputs
    inputs = torch.frombuffer(raw, dtype=torch.uint8, count=size).reshape(settings.count, -1).float() / 255
    return inputs, torch.frombuffer(raw, dtype=torch.uint8, offset=size).long()


client = ClientApp()


@client.train()
def train(message: Message, context: Context):
    inputs, labels = (values[context.node_config["partition-id"] :: settings.nodes] for values in samples())
    model = mlp()
    model.load_state_dict(message.content["arrays"].to_torch_state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=settings.learningRate, momentum=settings.momentum)
    order = torch.randperm(len(labels))
    for start in range(0, len(labels), settings.batch):
        chosen = order[start : start + settings.batch]
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs[chosen]), labels[chosen]).backward()
        optimizer.step()
    content = {
        "arrays": ArrayRecord(model.state_dict()),
        "metrics": MetricRecord({"num-examples": len(labels)}),
    }
    return Message(content=RecordDict(content), reply_to=message)
