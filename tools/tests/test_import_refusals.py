"""tools/import: what is refused, and what is asked."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from foreign_models import GSASRec, RecBoleGRU4Rec, randomise
from import_cases import ITEMS, LENGTH, gsasrec_state, lstm, metrics, pmixer, save, transformer
from intentd_import import __main__ as program
from intentd_import.__main__ import main


class Bomb:
    """A pickle that would leave a file behind if it were run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("trust", [False, True])
def test_no_code_of_a_pickle_is_run(trust: bool, tmp_path: Path, capfd) -> None:
    mark, source = tmp_path / "mark", tmp_path / "bomb.pt"
    torch.save({"state_dict": {"a": torch.zeros(2)}, "bomb": Bomb(mark)}, source)
    pickle.loads(pickle.dumps(Bomb(mark)))
    assert mark.exists()
    mark.unlink()
    command = [str(source), "--from", "gsasrec", "--heads", "1", "--out", str(tmp_path / "model")]
    assert main(command + ["--trust"] * trust) == 1
    assert not mark.exists()
    assert ("tensor item_embedding.weight is missing" if trust else "can run code") in capfd.readouterr().err


@pytest.mark.parametrize(("change", "words"), [
    ({"seq_norm.bias": None}, "tensor seq_norm.bias is missing"),
    ({"extra.weight": torch.zeros(2)}, "knows nothing of: extra.weight"),
    ({"transformer_blocks.0.dense1.weight": torch.zeros(16, 15)}, "has shape [16, 15], expected [16, 16]"),
    ({"output_embedding.weight": torch.zeros(ITEMS, 16)}, "has shape [30, 16], expected [32, 16]"),
    ({"position_embedding.weight": torch.full((LENGTH, 16), torch.nan)}, "not finite"),
    ({"seq_norm.weight": torch.zeros(16, dtype=torch.long)}, "floating-point"),
    ({"output_embedding.weight": None}, "no activation"),
])
def test_wrong_tensors_are_named(change: dict, words: str, tmp_path: Path, capfd) -> None:
    state = {name: value for name, value in (gsasrec_state() | change).items() if value is not None}
    save_file(state, tmp_path / "weights.safetensors")
    out = tmp_path / "model"
    assert main([str(tmp_path / "weights.safetensors"), "--from", "gsasrec", "--heads", "2", "--out", str(out)]) == 1
    assert words in capfd.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["weights.safetensors"]


@pytest.mark.parametrize(("text", "words"), [
    ("".join(f"i{n}\n" for n in range(ITEMS + 1)), "has 31 ids, the checkpoint 30 items"),
    ("".join(f"i{n % 7}\n" for n in range(ITEMS)), "is in line 1 already"),
    ("".join(f"i{n}\n\n" for n in range(ITEMS // 2)), "line 2: an id has 1 to 512 bytes"),
    ("".join(f"i{n}\r\n" for n in range(ITEMS)), "no end of line"),
    ("\ufeff" + "".join(f"i{n}\n" for n in range(ITEMS)), "byte order mark"),
])
def test_wrong_items_are_named(text: str, words: str, tmp_path: Path, capfd) -> None:
    save_file(gsasrec_state(), tmp_path / "weights.safetensors")
    (tmp_path / "items.txt").write_bytes(text.encode())
    command = [str(tmp_path / "weights.safetensors"), "--from", "gsasrec", "--heads", "2", "--out", str(tmp_path / "model")]
    assert main([*command, "--items", str(tmp_path / "items.txt")]) == 1
    assert words in capfd.readouterr().err
    assert not (tmp_path / "model").exists()


def test_columns_that_fit_no_offset(tmp_path: Path, capfd) -> None:
    model, options = transformer(columns=ITEMS + 1)
    assert main([str(save(model, tmp_path / "w.pt")), "--from", "torch-transformer", "--out", str(tmp_path / "m"), *options]) == 1
    assert "is --output-offset 1 right?" in capfd.readouterr().err


def test_two_directions_are_refused(tmp_path: Path, capfd) -> None:
    model, options = lstm("none")
    model.rnn = nn.LSTM(12, 10, bidirectional=True)
    assert main([str(save(model, tmp_path / "w.pt")), "--from", "torch-lstm", "--out", str(tmp_path / "m"), *options]) == 1
    assert "bidirectional" in capfd.readouterr().err


@pytest.mark.parametrize(("format", "model", "options", "words"), [
    ("pmixer", pmixer("A")[0], ["--heads", "2"], "needs --variant"),
    ("pmixer", pmixer("B")[0], ["--variant", "B"], "needs --heads"),
    ("pmixer", pmixer("B")[0], ["--variant", "B", "--heads", "3"], "does not divide"),
    ("pmixer", pmixer("B")[0], ["--variant", "B", "--heads", "2", "--norm-first"], "--norm-first belongs to"),
    ("gsasrec", GSASRec(ITEMS, LENGTH, 16, 1, 2), ["--heads", "2", "--padding", "right"], "no question of --from gsasrec"),
    ("recbole-gru4rec", RecBoleGRU4Rec(ITEMS, LENGTH, 12, 10, 1), [], "needs --max-length"),
    ("torch-transformer", transformer()[0], ["--heads", "4", "--output-offset", "1"], "needs --padding"),
    ("torch-transformer", transformer()[0], ["--heads", "4", "--padding", "right"], "needs --output-offset"),
    ("torch-lstm", lstm("none")[0], ["--output-offset", "0"], "needs --padding"),
    ("torch-lstm", lstm("none")[0], ["--padding", "left-attended", "--output-offset", "0"], "needs --max-length"),
])
def test_open_questions_are_asked(format: str, model: nn.Module, options: list[str], words: str, tmp_path: Path, capfd) -> None:
    source = save(randomise(model, 1), tmp_path / "weights.pt")
    assert main([str(source), "--from", format, "--out", str(tmp_path / "model"), *options]) == 64
    assert words in capfd.readouterr().err
    assert not (tmp_path / "model").exists()


def test_padding_with_positions_of_its_own_is_refused(tmp_path: Path, capfd) -> None:
    model, options = transformer(padding="left-attended-positioned")
    source = save(model, tmp_path / "weights.pt")
    assert main([str(source), "--from", "torch-transformer", "--out", str(tmp_path / "model"), *options]) == 1
    assert "can't be imported" in capfd.readouterr().err


@pytest.mark.parametrize(("name", "words"), [
    ("SASRec.layer=2.head=4.maxlen=9.pth", "says 4"),
    ("SASRec.head=2.maxlen=10.pth", "another variant"),
])
def test_the_name_of_a_file_is_no_decoration(name: str, words: str, tmp_path: Path, capfd) -> None:
    model, options = pmixer("B")
    assert main([str(save(model, tmp_path / name)), "--from", "pmixer", "--out", str(tmp_path / "model"), *options]) in (1, 64)
    assert words in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["x.pt", "--from", "other", "--out", "m"], ["x.pt", "--from", "pmixer"]])
def test_a_wrong_command_line(arguments: list[str], capfd) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 64
    assert "--help" in capfd.readouterr().err


def test_as_a_program(tmp_path: Path) -> None:
    folder = Path(__file__).resolve().parents[1] / "import"
    command = [sys.executable, "-m", "intentd_import", "none.pt", "--from", "gsasrec", "--out", "m"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(folder)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "none.pt is no file" in done.stderr


def test_an_existing_directory_is_left_alone(tmp_path: Path, capfd) -> None:
    save_file(gsasrec_state(), tmp_path / "weights.safetensors")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "note").write_text("mine")
    assert main([str(tmp_path / "weights.safetensors"), "--from", "gsasrec", "--heads", "2", "--out", str(tmp_path / "model")]) == 1
    assert "exists already" in capfd.readouterr().err
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["note"]


def test_without_a_daemon_nothing_is_written_unasked(tmp_path: Path, monkeypatch, capfd) -> None:
    monkeypatch.setattr("intentd_import.__main__.find_binary", lambda given: None)
    save_file(gsasrec_state(), tmp_path / "weights.safetensors")
    command = [str(tmp_path / "weights.safetensors"), "--from", "gsasrec", "--heads", "2", "--out", str(tmp_path / "model")]
    assert main(command) == 1
    assert "PARITY WAS NOT CHECKED" in capfd.readouterr().err
    assert not (tmp_path / "model").exists()
    assert main([*command, "--skip-parity"]) == 0
    assert "NOT CHECKED" in capfd.readouterr().err
    assert metrics(tmp_path / "model")["parity_checked"] is False


def test_a_wrong_conversion_is_not_written(binary: Path, tmp_path: Path, monkeypatch, capfd) -> None:
    def spoilt(folder: Path, *arguments) -> None:
        write(folder, *arguments)
        tensors = load_file(folder / "model.safetensors")
        tensors["final_norm.bias"] = tensors["final_norm.bias"] + 0.05
        save_file(tensors, folder / "model.safetensors")

    write = program.write_directory
    monkeypatch.setattr(program, "write_directory", spoilt)
    save_file(gsasrec_state(), tmp_path / "weights.safetensors")
    assert main([str(tmp_path / "weights.safetensors"), "--from", "gsasrec", "--heads", "2", "--out", str(tmp_path / "model")]) == 1
    assert "nothing was written" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"]


def test_the_daemon_refuses_sizes_that_it_does_not_have(binary: Path, tmp_path: Path, capfd) -> None:
    source = save(randomise(GSASRec(ITEMS, LENGTH, 8, 1, 2), 2), tmp_path / "weights.pt")
    assert main([str(source), "--from", "gsasrec", "--heads", "2", "--out", str(tmp_path / "model")]) == 1
    assert "hidden_size" in capfd.readouterr().err
    assert not (tmp_path / "model").exists()
