"""Flower's Ray simulation on the simulator's benchmark: flower_simulation.py <file of samples> <settings as JSON>.

File, settings and output are those of gossipy_simulation.py. Node i has every nodes-th sample. FedAvg over all nodes, one
local epoch a round with a momentum of its own, no evaluation, one actor a core; a round before the clock starts brings
the actors up. Memory is that of all processes. Needs flwr[simulation] and torch.
"""

import json
import os
import sys
import threading
import time

# Every actor imports flower_client, which reads these.
os.environ["SAMPLES_FILE"], os.environ["SETTINGS"] = sys.argv[1:]

import torch
from flower_client import client, mlp, settings
from flwr.app import ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation


def family():
    """This process and all that come from it."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(name)] = int(open(f"/proc/{name}/stat").read().rpartition(")")[2].split()[1])
        except OSError:
            pass
    found = {os.getpid()}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def memory_mib():
    total = 0
    for process in family():
        try:
            for line in open(f"/proc/{process}/smaps_rollup"):
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


server = ServerApp()
figures = {}
peak = 0.0
over = threading.Event()


def watch():
    global peak
    while not over.wait(0.5):
        peak = max(peak, memory_mib())


@server.main()
def main(grid: Grid, context: Context):
    strategy = FedAvg(fraction_train=1.0, fraction_evaluate=0.0, min_available_nodes=settings.nodes)
    arrays = strategy.start(grid=grid, initial_arrays=ArrayRecord(mlp().state_dict()), num_rounds=1).arrays
    began = time.perf_counter()
    result = strategy.start(grid=grid, initial_arrays=arrays, num_rounds=settings.rounds)
    figures["seconds"] = time.perf_counter() - began
    # A round in which every actor has failed leaves no metrics.
    assert len(result.train_metrics_clientapp) == settings.rounds


threading.Thread(target=watch, daemon=True).start()
shown, sys.stdout = sys.stdout, sys.stderr
run_simulation(
    server_app=server,
    client_app=client,
    num_supernodes=settings.nodes,
    backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
)
over.set()
sys.stdout = shown
print(
    json.dumps(
        {
            "nodeRounds": settings.nodes * settings.rounds,
            "seconds": figures["seconds"],
            "peakMiB": peak,
            "torch": torch.__version__,
        }
    )
)
