"""The weights of the best networks are kept, and those only, whatever happens in between."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from searching.searches import ARCHS, SPACE, Counted, history, run, value_of
from untrained import load_network
from untrained.errors import InputError
from untrained.objectives import Evaluation
from untrained.searching.result import Result
from untrained.searching.weights import KeptWeights, load_weights


def weights_of(arch: str) -> dict[str, torch.Tensor]:
    """Weights that tell their architecture."""
    return {name: torch.full_like(tensor, ARCHS.index(arch)) for name, tensor in SPACE.build(arch).state_dict().items()}


def trained(arch: str) -> Evaluation:
    return Evaluation(value_of(arch), 1.0, weights_of(arch))


def arch_of(path: Path) -> str:
    return ARCHS[int(load_weights(path)["1.bias"].flatten()[0])]


def kept(folder: Path) -> set[str]:
    """The architectures whose weights are there."""
    return {arch_of(path) for path in (folder / "weights").iterdir()}


def best(result: Result, most: int) -> list[str]:
    done = [query for query in result.queries if query.value is not None]
    return [query.architecture for query in sorted(done, key=lambda query: -(query.value or 0))[:most]]


@pytest.mark.parametrize("keep", [1, 3, 50])
def test_the_best_are_kept(tmp_path: Path, keep: int) -> None:
    result = run(trained, budget=8, keep=keep, out=tmp_path)
    assert kept(tmp_path) == set(best(result, keep))
    document = json.loads((tmp_path / "best.json").read_text())
    assert [one["architecture"] for one in document["kept"]] == best(result, keep)
    for one in document["kept"]:
        network = load_network(tmp_path, SPACE, which=one["architecture"])
        assert (network.architecture, network.value) == (one["architecture"], value_of(one["architecture"]))
        tensors = network.network.state_dict().values()
        assert all(bool((tensor == ARCHS.index(one["architecture"])).all()) for tensor in tensors)
    assert load_network(tmp_path, SPACE).architecture == best(result, 1)[0]


def test_less_is_better_if_it_is_minimised(tmp_path: Path) -> None:
    result = run(trained, budget=8, keep=2, out=tmp_path, direction="minimize")
    lowest = sorted(result.queries, key=lambda query: query.value or 0)[:2]
    assert kept(tmp_path) == {query.architecture for query in lowest}


def test_a_larger_budget_goes_on_with_what_is_kept(tmp_path: Path) -> None:
    run(trained, budget=4, out=tmp_path)
    result = run(trained, budget=9, out=tmp_path)
    assert kept(tmp_path) == set(best(result, 3))


def test_searches_of_one_folder_share_the_weights_and_drop_none_of_each_other(tmp_path: Path) -> None:
    first = run(trained, budget=6, out=tmp_path)
    second = run(trained, budget=6, seed=1, out=tmp_path)
    files = {path.name for path in (tmp_path / "weights").iterdir()}
    known = {query.architecture for query in first.queries}
    # what the second took over from the first is kept only if the first had kept it
    lost = {arch for arch in best(second, 3) if arch in known and arch not in best(first, 3)}
    assert len(files) == len(set(best(first, 3)) | set(best(second, 3)) - lost)
    again = run(trained, budget=6, out=tmp_path)
    assert history(again) == history(first)
    assert again.weights is not None
    assert arch_of(tmp_path / "best.safetensors") == first.architecture
    assert {path.name for path in (tmp_path / "weights").iterdir()} == files


def test_a_folder_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    """Then `best.safetensors` was the only file."""
    first = run(trained, budget=3, out=tmp_path)
    lost = {query.architecture for query in first.queries} - {first.architecture}
    for path in (tmp_path / "weights").iterdir():
        path.unlink()
    (tmp_path / "weights").rmdir()
    assert load_network(tmp_path, SPACE).architecture == first.architecture
    result = run(trained, budget=9, out=tmp_path)
    assert kept(tmp_path) == set(best(result, 3)) - lost
    assert load_network(tmp_path, SPACE).value == result.value


def test_a_kill_between_the_weights_and_their_value_leaves_the_best_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[str]()

    class Killed(BaseException):
        pass

    def tell(*args: Any, **options: Any) -> Any:
        calls.append("tell")
        if len(calls) == 4:
            raise Killed
        return original(*args, **options)

    from untrained.searching.spend import Spender

    original = Spender._tell
    with monkeypatch.context() as patch:
        patch.setattr(Spender, "_tell", tell)
        with pytest.raises(Killed):
            run(trained, budget=8, out=tmp_path)
    result = run(trained, budget=8, out=tmp_path)
    assert history(result) == history(run(trained, budget=8))
    assert kept(tmp_path) == set(best(result, 3))
    assert load_network(tmp_path, SPACE).architecture == result.architecture


def test_a_kill_between_the_last_value_and_the_end_leaves_no_other_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rising() -> Counted:
        return Counted(lambda arch, call: Evaluation(call, 1.0, weights_of(arch)))

    def drop(self: KeptWeights, needed: Any) -> None:
        if len(first.calls) == 4:
            raise KeyboardInterrupt
        original(self, needed)

    first, again, original = rising(), rising(), KeptWeights.drop_all_but
    with monkeypatch.context() as patch:
        patch.setattr(KeptWeights, "drop_all_but", drop)
        with pytest.raises(KeyboardInterrupt):
            run(first, budget=4, keep=2, out=tmp_path)
    assert kept(tmp_path) == set(first.calls[-3:])
    for keep in (2, 1):  # less than was asked for at first deletes nothing
        run(again, budget=4, keep=keep, out=tmp_path)
        assert kept(tmp_path) == set(first.calls[-2:])
    assert len(first.calls) == 4
    assert again.calls == []


def test_best_safetensors_takes_no_room_of_its_own(tmp_path: Path) -> None:
    run(trained, out=tmp_path)
    assert (tmp_path / "best.safetensors").stat().st_nlink == 2


def test_a_disk_without_links_holds_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", none)
    result = run(trained, out=tmp_path)
    assert arch_of(tmp_path / "best.safetensors") == result.architecture
    assert (tmp_path / "best.safetensors").stat().st_nlink == 1


@pytest.mark.parametrize(
    ("which", "says"),
    [
        ("trained", "no network of .* is trained in full .*untrained train"),
        ("width=4", "no weights of 'width=4' in .*: give best, trained, or one of width="),
    ],
)
def test_networks_that_are_not_there(tmp_path: Path, which: str, says: str) -> None:
    run(trained, out=tmp_path)
    with pytest.raises(InputError, match=says):
        load_network(tmp_path, SPACE, which=which)


def test_weights_of_another_network_are_told(tmp_path: Path) -> None:
    from toy import MLPs

    run(trained, out=tmp_path)
    with pytest.raises(InputError, match="holds the weights of another network: give the space of the search"):
        load_network(tmp_path, MLPs(num_classes=7))


@pytest.mark.parametrize("keep", [0, "none", -1])
def test_keep_is_at_least_one(keep: Any) -> None:
    with pytest.raises(InputError, match="keep"):
        run(trained, keep=keep)
