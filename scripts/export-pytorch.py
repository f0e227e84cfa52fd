#!/usr/bin/env python3
"""Writes the classifiers of tests/fixtures/pytorch as PyTorch's two exporters write them, and PyTorch's own logits.

Needs torch 2.9 and onnxscript; none of evmbench's own commands does. Weights are drawn from a seed, and the batch norms
have seen random images, so that folding them changes every weight.
"""

import json
import pathlib
import sys

import onnx
import torch


class Classifier(torch.nn.Module):
    """Every layer that a CIFAR-10 classifier of a PyTorch user is likely to have and evmbench proves."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(4)
        self.conv2 = torch.nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.bn2 = torch.nn.BatchNorm2d(8)
        self.fc = torch.nn.Linear(8 * 4 * 4, 10)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 2)
        x = torch.nn.functional.avg_pool2d(torch.relu(self.bn2(self.conv2(x))), 2)
        return self.fc(torch.flatten(x, 1))


def without_traces(path):
    """Removes the exporter's stack traces, which name folders of the machine."""
    model = onnx.load(path)
    for entry in [model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output]:
        entry.ClearField("doc_string")
        entry.ClearField("metadata_props")
    onnx.save(model, path)


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = Classifier()
    model.train()
    for _ in range(20):
        model(torch.randn(32, 3, 32, 32))
    model.eval()
    x = torch.sin(torch.arange(3 * 32 * 32, dtype=torch.float64)).float().reshape(1, 3, 32, 32)
    ports = {"input_names": ["input"], "output_names": ["logits"]}
    torch.onnx.export(model, (x,), folder / "dynamo.onnx", dynamo=True, external_data=False, **ports)
    # In the state that keeps batch norms apart from convolutions.
    torch.onnx.export(
        model,
        (x,),
        folder / "torchscript.onnx",
        dynamo=False,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        **ports,
    )
    for name in ["dynamo.onnx", "torchscript.onnx"]:
        without_traces(folder / name)
    logits = {
        "torch": torch.__version__.split("+")[0],
        "input": "element i is sin(i)",
        "logits": model(x).flatten().tolist(),
    }
    (folder / "logits.json").write_text(json.dumps(logits) + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tests/fixtures/pytorch")
