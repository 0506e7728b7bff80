"""PyTorch on one workload, in a process of its own: contender.py <file of samples> <workload as JSON> <epochs>."""
import json
import resource
import sys
import time

began = time.perf_counter()
import torch

torch.set_num_threads(1)
path, text, epochs = sys.argv[1:]
workload = json.loads(text)
count, batch = workload["count"], workload["batch"]
widths = workload["widths"]
raw = bytearray(open(path, "rb").read())
size = count * widths[0]
inputs = torch.frombuffer(raw, dtype=torch.uint8, count=size).reshape(count, widths[0]).float() / 255
labels = torch.frombuffer(raw, dtype=torch.uint8, offset=size).long()
layers = []
for below, above in zip(widths, widths[1:]):
    layers += [torch.nn.Linear(below, above), torch.nn.ReLU()]
model = torch.nn.Sequential(*layers[:-1])
optimizer = torch.optim.SGD(model.parameters(), lr=workload["learningRate"], momentum=workload["momentum"])
loss_of = torch.nn.CrossEntropyLoss()
opened = (time.perf_counter() - began) * 1000
opened_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
steps_ms = []
loss = None
for _ in range(int(epochs)):
    before = time.process_time()
    for start in range(0, count - batch + 1, batch):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model(inputs[start : start + batch]), labels[start : start + batch])
        loss.backward()
        optimizer.step()
    steps_ms.append((time.process_time() - before) * 1000 / (count // batch))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(
    json.dumps(
        {
            "stepsMs": steps_ms,
            "loss": float(loss),
            "openedMs": opened,
            "openedMiB": opened_mib,
            "peakMiB": peak,
            "versions": {"torch": torch.__version__, "python": sys.version.split()[0]},
        }
    )
)
