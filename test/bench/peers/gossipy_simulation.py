"""gossipy-dfl on the simulator's benchmark: gossipy_simulation.py <file of samples> <settings as JSON>.

The file holds `count` samples of `inputs` bytes each, then as many labels. The settings: count, inputs, hidden,
classes, nodes, rounds, batch, learningRate, momentum. Node i has every nodes-th sample. Push gossip, one local
epoch for each model received, no evaluation. Prints one line of JSON. Needs gossipy-dfl and torch.
"""

import json
import logging
import resource
import sys
import time
import types

# gossipy imports torchvision for data sets that are not used here.
sys.modules.setdefault("torchvision", types.ModuleType("torchvision"))

import torch
from gossipy import LOG, set_seed
from gossipy.core import AntiEntropyProtocol, ConstantDelay, CreateModelMode, StaticP2PNetwork
from gossipy.data import DataDispatcher
from gossipy.data.handler import ClassificationDataHandler
from gossipy.model import TorchModel
from gossipy.model.handler import TorchModelHandler
from gossipy.node import GossipNode
from gossipy.simul import GossipSimulator

LOG.setLevel(logging.ERROR)
path, text = sys.argv[1:]
settings = types.SimpleNamespace(**json.loads(text))
torch.set_num_threads(2)
set_seed(1)


class Mlp(TorchModel):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(settings.inputs, settings.hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(settings.hidden, settings.classes),
        )

    def init_weights(self):
        for layer in (self.layers[0], self.layers[2]):
            torch.nn.init.xavier_uniform_(layer.weight)
            torch.nn.init.zeros_(layer.bias)

    def forward(self, x):
        return self.layers(x)


class Counting(TorchModelHandler):
    updates = 0
    samples = 0

    def _update(self, data):
        Counting.updates += 1
        Counting.samples += len(data[1])
        super()._update(data)


raw = bytearray(open(path, "rb").read())
size = settings.count * settings.inputs
inputs = torch.frombuffer(raw, dtype=torch.uint8, count=size).reshape(settings.count, -1).float() / 255
labels = torch.frombuffer(raw, dtype=torch.uint8, offset=size).long()
dispatcher = DataDispatcher(
    ClassificationDataHandler(inputs, labels, test_size=0), n=settings.nodes, eval_on_user=False, auto_assign=False
)
dispatcher.set_assignments([list(range(i, settings.count, settings.nodes)) for i in range(settings.nodes)], None)
handler = Counting(
    net=Mlp(),
    optimizer=torch.optim.SGD,
    optimizer_params={"lr": settings.learningRate, "momentum": settings.momentum},
    criterion=torch.nn.CrossEntropyLoss(),
    local_epochs=1,
    batch_size=settings.batch,
    create_model_mode=CreateModelMode.MERGE_UPDATE,
)
nodes = GossipNode.generate(
    data_dispatcher=dispatcher,
    p2p_net=StaticP2PNetwork(settings.nodes),
    model_proto=handler,
    round_len=100,
    sync=True,
)
simulator = GossipSimulator(
    nodes=nodes, data_dispatcher=dispatcher, delta=100, protocol=AntiEntropyProtocol.PUSH, delay=ConstantDelay(0)
)
simulator.init_nodes()
Counting.updates = Counting.samples = 0
began = time.perf_counter()
with open("/dev/null", "w") as quiet:
    shown, sys.stdout = sys.stdout, quiet
    simulator.start(n_rounds=settings.rounds)
    sys.stdout = shown
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(
    json.dumps(
        {
            "nodeRounds": Counting.updates,
            "samples": Counting.samples,
            "seconds": seconds,
            "peakMiB": peak,
            "torch": torch.__version__,
        }
    )
)
