"""tools/import: every foreign layout through the importer, the daemon's scores against the model itself."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import windows
from foreign_models import GRU4RecModel, GSASRec, LSTM, RecBoleGRU4Rec, RecBoleSASRec, randomise
from import_cases import ITEMS, LENGTH, gsasrec_state, imported, lstm, metrics, pmixer, save, transformer
from intentd_import import parity, serving
from intentd_import.__main__ import main


def largest_difference(binary: Path, folder: Path, model, numbers: list[int]) -> float:
    """Over every position of random sessions beyond the longest window: the daemon's scores against `model`'s."""
    config = json.loads((folder / "config.json").read_text())
    ids = (folder / "items.txt").read_text().splitlines()
    assert len(ids) == len(numbers)
    source, worst = random.Random(5), 0.0
    for _ in range(2):
        rows = [source.randrange(len(ids)) for _ in range(3 * config["max_length"] + 2)]
        printed = subprocess.run(
            [binary, "inspect", folder, "--logits", "--session", ",".join(ids[row] for row in rows)],
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()
        assert len(printed) == len(rows)
        for event, line in enumerate(printed, 1):
            window = windows.window_rows(rows, event, config)
            with torch.inference_mode():
                expected = model.scores([numbers[row] for row in window])
            found = torch.tensor(json.loads(line)["logits"])
            assert found.shape == expected.shape
            worst = max(worst, float((found - expected).abs().max() / max(1.0, float(expected.abs().max()))))
    return worst


TORCH_CASES = {
    "pmixer-a": ("pmixer", *pmixer("A")),
    "pmixer-b": ("pmixer", *pmixer("B")),
    "pmixer-c": ("pmixer", *pmixer("C")),
    "pmixer-c-norm-first": ("pmixer", *pmixer("C", True)),
    "gsasrec": ("gsasrec", GSASRec(ITEMS, LENGTH, 16, 2, 2), ["--heads", "2"]),
    "recbole-sasrec": ("recbole-sasrec", RecBoleSASRec(ITEMS, LENGTH, 16, 24, 2, 2), ["--heads", "2"]),
    "recbole-gru4rec": ("recbole-gru4rec", RecBoleGRU4Rec(ITEMS, LENGTH, 12, 10, 2), ["--max-length", str(LENGTH)]),
    "transformer-right": ("torch-transformer", *transformer()),
    "transformer-right-final": ("torch-transformer", *transformer(final=True, norm_first=True)),
    "transformer-left-masked": ("torch-transformer", *transformer(padding="left-masked", norm_first=True)),
    "transformer-left-attended": ("torch-transformer", *transformer(padding="left-attended")),
    "transformer-offset-0": ("torch-transformer", *transformer(offset=0, columns=ITEMS + 1)),
    "transformer-short": ("torch-transformer", *transformer(offset=0, columns=ITEMS)),
    "lstm-none": ("torch-lstm", *lstm("none")),
    "lstm-right": ("torch-lstm", *lstm("right", layers=2)),
    "lstm-left-masked": ("torch-lstm", *lstm("left-masked", tied=True)),
    "lstm-left-attended": ("torch-lstm", *lstm("left-attended", layers=2)),
}
INCREMENTAL = {"recbole-sasrec", "recbole-gru4rec", "transformer-right", "lstm-none", "lstm-right", "lstm-left-masked"}


@pytest.mark.parametrize("name", TORCH_CASES)
def test_scores_are_the_sources_at_every_position(name: str, binary: Path, tmp_path: Path, capfd) -> None:
    format, model, options = TORCH_CASES[name]
    randomise(model, len(name))
    out = imported(tmp_path, save(model, tmp_path / "weights.pt"), format, *options)
    numbers = [int(id) for id in (out / "items.txt").read_text().split()]
    assert numbers[0] == (0 if name == "lstm-none" else 1)
    assert len(numbers) == {"lstm-none": ITEMS + 1, "transformer-short": ITEMS - 1}.get(name, ITEMS)
    assert metrics(out)["parity_error"] <= 1e-4
    assert metrics(out)["parity_checked"] and metrics(out)["imported_from"] == format
    assert largest_difference(binary, out, model, numbers) <= 1e-4
    said = capfd.readouterr().err
    assert "NONE GIVEN: the source's own numbers" in said and "parity" in said
    described = subprocess.run([binary, "inspect", out], capture_output=True, text=True, check=True).stdout
    is_incremental = name in INCREMENTAL or name.startswith("transformer-right") or name in ("transformer-offset-0", "transformer-short")
    assert ("incremental" if is_incremental else "recompute") in described
    assert metrics(out)["beyond_longest_window"] in described


@pytest.mark.parametrize("name", ["pmixer-a", "pmixer-c", "gsasrec", "transformer-left-attended"])
def test_models_that_recompute_see_what_the_source_sees(name: str, binary: Path, tmp_path: Path) -> None:
    format, model, options = TORCH_CASES[name]
    out = imported(tmp_path, save(randomise(model, 4), tmp_path / "weights.pt"), format, *options)
    assert "as in the source" in metrics(out)["beyond_longest_window"]


KINDS = {
    "constrained": GRU4RecModel("constrained", ITEMS, [10]),
    "constrained-two": GRU4RecModel("constrained", ITEMS, [8, 10]),
    "separate": GRU4RecModel("separate", ITEMS, [10], 6),
    "one-hot": GRU4RecModel("one-hot", ITEMS, [10]),
    "one-hot-two": GRU4RecModel("one-hot", ITEMS, [8, 10]),
    "one-hot-first": GRU4RecModel("one-hot-first", ITEMS, [10]),
}


@pytest.mark.parametrize("name", KINDS)
def test_official_gru4rec(name: str, binary: Path, tmp_path: Path) -> None:
    model = randomise(KINDS[name], len(name))
    items = tmp_path / "items.txt"
    items.write_text("".join(f"item-{number}\n" for number in range(ITEMS)))
    source = save(model, tmp_path / "weights.pt")
    out = imported(tmp_path, source, "gru4rec-official", "--items", str(items), "--max-length", str(LENGTH))
    assert (out / "items.txt").read_text() == items.read_text()
    assert largest_difference(binary, out, model, list(range(ITEMS))) <= 1e-4
    assert "the source sees the whole session" in metrics(out)["beyond_longest_window"]


@pytest.fixture
def official_module(monkeypatch):
    """Classes of a module that is gone when the pickle is read, as the official package is."""
    module = types.ModuleType("gru4rec_pytorch")
    for name in ("GRU4Rec", "SessionDataIterator"):
        setattr(module, name, type(name, (), {"__module__": "gru4rec_pytorch"}))
    monkeypatch.setitem(sys.modules, "gru4rec_pytorch", module)
    return module


@pytest.mark.parametrize("kind", [str, int])
def test_the_official_pickle_with_its_map(kind, official_module, binary: Path, tmp_path: Path, monkeypatch, capfd) -> None:
    pandas = pytest.importorskip("pandas")
    model = randomise(GRU4RecModel("constrained", ITEMS, [10]), 1)
    whole, iterator = official_module.GRU4Rec(), official_module.SessionDataIterator()
    ids = pandas.Series([kind(900 - number) for number in range(ITEMS)] * 2).unique()
    iterator.itemidmap = pandas.Series(data=np.arange(ITEMS), index=ids, name="ItemIdx")
    iterator.data = pandas.DataFrame({"ItemId": ids, "Time": np.arange(ITEMS) * 1.5})
    whole.model, whole.data_iterator, whole.layers = model, iterator, [10]
    source = tmp_path / "model.pt"
    torch.save(whole, source)
    monkeypatch.delitem(sys.modules, "gru4rec_pytorch")
    command = [str(source), "--from", "gru4rec-official", "--out", str(tmp_path / "model")]
    assert main(command) == 1
    said = capfd.readouterr().err
    assert "can run code" in said and "--trust" in said and "state_dict" in said
    out = imported(tmp_path, source, "gru4rec-official", "--trust", "--max-length", str(LENGTH))
    assert (out / "items.txt").read_text().split() == [str(900 - number) for number in range(ITEMS)]
    assert largest_difference(binary, out, model, list(range(ITEMS))) <= 1e-4


def test_recbole_with_its_configuration(binary: Path, tmp_path: Path, monkeypatch, capfd) -> None:
    module = types.ModuleType("recbole_configurator")
    module.Config = type("Config", (), {"__module__": "recbole_configurator"})
    monkeypatch.setitem(sys.modules, "recbole_configurator", module)
    model = randomise(RecBoleSASRec(ITEMS, LENGTH, 16, 24, 1, 4), 1)
    config = module.Config()
    config.final_config_dict = {"n_heads": 4, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "device": torch.device("cpu")}
    content = {"config": config, "epoch": 3, "state_dict": model.state_dict(), "other_parameter": None, "optimizer": {"state": {}}}
    source = tmp_path / "SASRec.pth"
    torch.save(content, source)
    monkeypatch.delitem(sys.modules, "recbole_configurator")
    assert main([str(source), "--from", "recbole-sasrec", "--heads", "4", "--out", str(tmp_path / "model")]) == 1
    assert "--trust" in capfd.readouterr().err
    wrong = [str(source), "--from", "recbole-sasrec", "--trust", "--heads", "2", "--out", str(tmp_path / "model")]
    assert main(wrong) == 64
    out = imported(tmp_path, source, "recbole-sasrec", "--trust")
    assert largest_difference(binary, out, model, list(range(1, ITEMS + 1))) <= 1e-4


def keras_arrays(model: LSTM) -> list[np.ndarray]:
    """The weights of `model` as `get_weights()` gives them."""
    arrays = [model.embedding.weight]
    for i in range(model.rnn.num_layers):
        parts = [getattr(model.rnn, f"{part}_l{i}") for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        arrays += [parts[0].T, parts[1].T, parts[2] + parts[3]]
    arrays += [model.head.weight.T, model.head.bias]
    return [array.detach().numpy() for array in arrays]


@pytest.mark.parametrize("padding", ["none", "right", "left-masked", "left-attended"])
def test_keras_arrays(padding: str, binary: Path, tmp_path: Path) -> None:
    model, options = lstm(padding, layers=2)
    randomise(model, 8)
    np.savez(tmp_path / "weights.npz", *keras_arrays(model))
    out = imported(tmp_path, tmp_path / "weights.npz", "keras-lstm", *options)
    numbers = [int(id) for id in (out / "items.txt").read_text().split()]
    assert largest_difference(binary, out, model, numbers) <= 1e-4


@pytest.mark.parametrize("layout", ["keras-3", "keras-3-archive", "legacy"])
def test_keras_hdf5(layout: str, binary: Path, tmp_path: Path, capfd) -> None:
    h5py = pytest.importorskip("h5py")
    model, options = lstm("left-masked", layers=2)
    randomise(model, 8)
    embedding, k0, r0, b0, k1, r1, b1, dense, bias = keras_arrays(model)
    source = tmp_path / ("model.h5" if layout == "legacy" else "model.weights.h5")
    config = {"class_name": "Sequential", "config": {"layers": [
        {"class_name": "Embedding", "config": {"name": "embedding", "mask_zero": True}},
        {"class_name": "LSTM", "config": {"name": "lstm", "activation": "tanh", "recurrent_activation": "sigmoid"}},
    ]}}
    with h5py.File(source, "w") as file:
        if layout == "legacy":
            groups = {"embedding/embedding/embeddings:0": embedding, "dense/dense/kernel:0": dense, "dense/dense/bias:0": bias}
            for name, arrays in (("lstm", (k0, r0, b0)), ("lstm_1", (k1, r1, b1))):
                parts = ("kernel:0", "recurrent_kernel:0", "bias:0")
                groups |= {f"{name}/{name}/lstm_cell/{part}": array for part, array in zip(parts, arrays)}
            for name, array in groups.items():
                file[f"model_weights/{name}"] = array
            file["optimizer_weights/Adam/iter:0"] = np.zeros(1)
            file.attrs["model_config"] = json.dumps(config)
        else:
            layers = {"embedding": [embedding], "dense": [dense, bias], "lstm/cell": [k0, r0, b0], "lstm_1/cell": [k1, r1, b1]}
            for name, arrays in layers.items():
                for place, array in enumerate(arrays):
                    file[f"layers/{name}/vars/{place}"] = array
    if layout == "keras-3-archive":
        with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
            archive.write(source, "model.weights.h5")
            archive.writestr("config.json", json.dumps(config))
        source = tmp_path / "model.keras"
    if layout != "keras-3":
        attended = [option.replace("left-masked", "left-attended") for option in options]
        assert main([str(source), "--from", "keras-lstm", "--out", str(tmp_path / "model"), *attended]) == 64
        assert "mask_zero" in capfd.readouterr().err
    out = imported(tmp_path, source, "keras-lstm", *options)
    assert largest_difference(binary, out, model, list(range(1, ITEMS + 1))) <= 1e-4


def test_heads_from_the_name_of_the_file(binary: Path, tmp_path: Path) -> None:
    model = randomise(pmixer("C")[0], 3)
    source = save(model, tmp_path / "SASRec.epoch=1.lr=0.001.layer=2.head=2.hidden=16.maxlen=9.pth")
    (tmp_path / "args.txt").write_text("dataset,ml-1m\nmaxlen,9\nnorm_first,False")
    out = imported(tmp_path, source, "pmixer", "--variant", "C")
    assert json.loads((out / "config.json").read_text())["heads"] == 2


@pytest.mark.parametrize(("items", "length"), [(1500, 9), (40, 100)])
def test_the_best_scores_of_large_catalogues(items: int, length: int, binary: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(parity, "MOST_SCORES", 20_000 if items > 40 else parity.MOST_SCORES)
    model = randomise(RecBoleSASRec(items, length, 16, 24, 1, 2), 3)
    out = imported(tmp_path, save(model, tmp_path / "w.pt"), "recbole-sasrec", "--heads", "2")
    assert metrics(out)["parity_error"] <= 1e-4
    assert metrics(out)["parity_sessions"] == (1 if items > 40 else 3)


def test_everybody_may_read_what_was_written(binary: Path, tmp_path: Path) -> None:
    save_file(gsasrec_state(), tmp_path / "weights.safetensors")
    mask = os.umask(0o027)
    try:
        out = imported(tmp_path, tmp_path / "weights.safetensors", "gsasrec", "--heads", "2")
    finally:
        os.umask(mask)
    assert [oct(path.stat().st_mode & 0o777) for path in (out, *sorted(out.iterdir()))] == ["0o750", *["0o640"] * 4]


def test_ids_that_cannot_be_typed_are_left_out_of_the_check(binary: Path, tmp_path: Path) -> None:
    save_file(gsasrec_state(), tmp_path / "weights.safetensors")
    ids = ["plain", "a,b", " blank", "tab\there", *(f"--i{number}" for number in range(4, ITEMS))]
    (tmp_path / "ids").write_text("".join(f"{id}\n" for id in ids))
    out = imported(tmp_path, tmp_path / "weights.safetensors", "gsasrec", "--heads", "2", "--items", str(tmp_path / "ids"))
    assert (out / "items.txt").read_text().splitlines() == ids
    assert metrics(out)["parity_error"] <= 1e-4


@pytest.mark.parametrize("config", [
    {"architecture": "sasrec", "positions": "start", "max_length": 9},
    {"architecture": "sasrec", "positions": "end", "max_length": 8, "padding": "attended"},
    {"architecture": "gru", "max_length": 50},
])
def test_the_window_rule_is_the_tools(config: dict) -> None:
    sizes = [serving.window_size(event, config) for event in range(1, 400)]
    assert sizes == [windows.window_size(event, config) for event in range(1, 400)]
