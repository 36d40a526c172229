"""Networks beside the players, losses that learn and conditions that are broken: one line before training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from broken_plugins import TINY, architecture, augmentation, grid, loss, penalty
from fake_site import FakeSite
from parts_here import shared

from ganbench.errors import GridError
from ganbench.execution.grid_check import preflight

DIGITS = {"name": "digits", "size": 8}


def nets(extra: str, more: str = "") -> str:
    """An architecture of points with these networks beside the players, and a loss `uses` that has them."""
    source = architecture(
        "def odd(signature):\n"
        "    g, d = nn.Linear(4, 2), nn.Linear(2, 1)\n"
        f"    return Players(generator=g, discriminator=d, noise=Noise(size=4), extra={extra}{more})\n"
        "class Uses(NonSaturating):\n"
        "    def generator_loss(self, game):\n"
        "        coded = game.networks['e'](game.fake)\n"
        "        return super().generator_loss(game) + (coded - game.noise).square().mean()\n"
    )
    return source + "\n@hookimpl\ndef ganbench_losses():\n    yield LossSpec(name='uses', build=Uses)\n"


E = "nn.Linear(2, 4)"
EXTRA: dict[str, tuple[str, str]] = {
    "a module": (
        f"{{'e': {E}}}",
        r"Players.extra\['e'\] must be an Extra\(module, learns_with\), given Linear",
    ),
    "a list": (f"[Extra({E}, 'generator')]", "Players.extra must map names to Extra, given list"),
    "no module": (
        "{'e': Extra(len, 'generator')}",
        r"Players.extra\['e'\].module must be a torch.nn.Module, given builtin_function_or_method",
    ),
    "an unknown player": (
        f"{{'e': Extra({E}, 'both')}}",
        r"Players.extra\['e'\].learns_with must be 'discriminator' or 'generator', given 'both'",
    ),
    "the name of a player": (f"{{'generator': Extra({E}, 'generator')}}", "the name is that of a player"),
    "a name with a dot": (f"{{'e.x': Extra({E}, 'generator')}}", r"Players.extra\['e.x'\]: a name is lower-"),
    "a number for a name": (f"{{3: Extra({E}, 'generator')}}", r"Players.extra\[3\]: a name is lower-case"),
    "a player's parameters": (
        "{'e': Extra(nn.Sequential(g), 'generator')}",
        r"Players.extra\['e'\] shares the parameter '0.weight' with the generator",
    ),
    "another's parameters": (
        f"dict.fromkeys(('e', 'f'), Extra({E}, 'generator'))",
        r"Players.extra\['f'\] shares the parameter 'weight' with Players.extra\['e'\]",
    ),
    "no parameters": ("{'e': Extra(nn.ReLU(), 'generator')}", "has no parameter that learns"),
    "frozen parameters": (
        f"{{'e': Extra({E}.requires_grad_(False), 'generator')}}",
        "has no parameter that learns",
    ),
    "the other player's turn": (
        f"{{'e': Extra({E}, 'discriminator')}}",
        "has a network 'e' that learns with the discriminator, and no gradient of loss 'uses' .* reaches it "
        "in the discriminator's turn: nothing would train it",
    ),
    "a dictionary for a state": (
        "{'e': Extra(Counts(2, 4), 'generator')}",
        "keeps something between turns in its own attributes",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("defect", EXTRA)
def test_a_broken_network_is_named(fake_site: FakeSite, defect: str) -> None:
    extra, line = EXTRA[defect]
    counts = (
        "\nclass Counts(nn.Linear):\n    calls = 0\n    def forward(self, x):\n        self.calls += 1\n"
        "        return super().forward(x) * self.calls\n"
    )
    fake_site.install("fake-odd", nets(extra) + counts)
    asked = grid(architecture=["odd"], loss=["uses"])
    with pytest.raises(GridError, match=rf"architecture 'odd' \(plugin fake-odd 1.0\).*: .*{line}") as caught:
        preflight(asked, "cpu", shared())
    assert len(caught.value.problems) == 1


def test_one_that_a_loss_does_not_use_is_no_defect(fake_site: FakeSite) -> None:
    fake_site.install("fake-odd", nets(f"{{'e': Extra({E}, 'discriminator')}}"))
    assert preflight(grid(architecture=["odd"]), "cpu", shared()).skipped == {}


LEARNS = """
class Odd(NonSaturating, nn.Module):
    learns_with = {learns_with}

    def __init__(self):
        super().__init__()
        self.own = {own}

    def discriminator_loss(self, game):
        return super().discriminator_loss(game) + {term}
"""


def learning(
    learns_with: str = "'discriminator'", own: str = "nn.Parameter(torch.ones(()))", term: str = ""
) -> str:
    term = term or "self.own.square().sum()"
    return loss(LEARNS.format(learns_with=learns_with, own=own, term=term))


LOSSES: dict[str, tuple[str, str]] = {
    "an unknown player": (
        learning("'both'"),
        "learns_with must be 'discriminator' or 'generator', given 'both'",
    ),
    "no module": (
        loss("class Odd(NonSaturating):\n    learns_with = 'generator'"),
        "learns_with is for a loss that is a torch.nn.Module, .*Odd",
    ),
    "nothing that learns": (
        learning(own="nn.Linear(2, 1)", term="0"),
        "no parameter of its own that learns; a network that is to learn belongs in Players.extra",
    ),
    "the other player's turn": (
        learning("'generator'"),
        "learns with the generator, and no gradient of its own loss reaches it in the generator's turn",
    ),
    "nobody": (
        learning("None"),
        r"holds parameters that nothing would train \(own\); a loss that learns is a torch.nn.Module that "
        "has them itself, and learns_with",
    ),
    "within another loss": (
        learning()
        .replace("class Odd(", "class Inner(")
        .replace(
            "\n\n@hookimpl",
            "\nclass Odd(NonSaturating):\n    def __init__(self):\n        self.inner = Inner()\n\n@hookimpl",
        ),
        r"holds parameters that nothing would train \(inner\)",
    ),
    "a count": (
        learning(term="self.own.square() * self.count()")
        + "\ndef count(self):\n    self.n = getattr(self, 'n', 0) + 1\n    return self.n\n\n"
        "Odd.count = count\n",
        r"keeps something between turns in its own attributes \(n\)",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("defect", LOSSES)
def test_a_broken_loss_that_learns_is_named(fake_site: FakeSite, defect: str) -> None:
    source, line = LOSSES[defect]
    fake_site.install("fake-odd", source)
    with pytest.raises(GridError, match=rf"loss 'odd' \(plugin fake-odd 1.0\): .*{line}") as caught:
        preflight(grid(loss=["odd"]), "cpu", shared())
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(("kind", "make"), [("penalty", penalty), ("augmentation", augmentation)])
def test_nothing_but_a_loss_learns(fake_site: FakeSite, kind: str, make: Callable[[str], str]) -> None:
    body = (
        "class Odd(nn.Module):\n    learns_with = 'generator'\n    def __init__(self):\n"
        "        super().__init__()\n        self.own = nn.Parameter(torch.ones(()))\n"
        "    def forward(self, x, game=None):\n        return x * self.own if game else self.own\n"
    )
    fake_site.install("fake-odd", make(body))
    with pytest.raises(GridError, match=rf"{kind} 'odd' .*: learns_with is for losses; what is to learn"):
        preflight(grid(**{kind: ["odd"]}), "cpu", shared())


def test_what_it_keeps_in_buffers_is_no_defect(fake_site: FakeSite) -> None:
    body = (
        "\n    def generator_loss(self, game):\n        self.seen += 1\n"
        "        return super().generator_loss(game) * self.seen\n"
    )
    own = "nn.Parameter(torch.ones(())); self.register_buffer('seen', torch.zeros(()))"
    fake_site.install("fake-odd", learning(own=own).replace("\n\n@hookimpl", body + "\n\n@hookimpl"))
    assert preflight(grid(loss=["odd"]), "cpu", shared()).skipped == {}


@pytest.mark.parametrize(
    ("conditional", "problem"),
    [
        ("'yes'", "Players.conditional must be one of True, False, .*'loss', given 'yes'"),
        ("1", "Players.conditional must be one of True, False, .*'loss', given 1"),
    ],
)
def test_an_unknown_condition_is_named(fake_site: FakeSite, conditional: str, problem: str) -> None:
    fake_site.install("fake-odd", nets("{}", f", conditional={conditional}"))
    with pytest.raises(GridError, match=problem):
        preflight(grid(architecture=["odd"]), "cpu", shared())


@pytest.mark.parametrize(
    ("conditional", "who"),
    [
        ("True", "the players take"),
        ("'generator'", "the generator takes"),
        ("'discriminator'", "the discriminator takes"),
        ("'loss'", "the loss takes"),
    ],
)
def test_data_without_conditions_are_skipped(fake_site: FakeSite, conditional: str, who: str) -> None:
    fake_site.install("fake-odd", nets("{}", f", conditional={conditional}"))
    asked = grid(architecture=["odd"], dataset=[{"name": "swiss_roll", "samples": 40}])
    (reason,) = preflight(asked, "cpu", shared()).skipped.values()
    assert reason.endswith(f"{who} a condition and the data have none")


GIVES = """
class Odd(NonSaturating):
    def discriminator_loss(self, game):
        assert game.condition.shape == (8,)
        return super().discriminator_loss(game) + 0 * {call}.mean()
"""


@pytest.mark.slow
@pytest.mark.parametrize("conditional", ["generator", "discriminator", "loss", False])
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_condition_for_a_player_that_takes_none_skips_the_cell(
    fake_site: FakeSite, conditional: Any, player: str
) -> None:
    calls = {
        "generator": "game.generate(game.noise, game.condition)",
        "discriminator": "game.score(game.real, game.condition)",
    }
    fake_site.install("fake-loss", loss(GIVES.format(call=calls[player])))
    fake_site.install(
        "fake-nets",
        architecture(
            "def odd(signature):\n"
            "    g, d = nn.Sequential(nn.Linear(4, 64), nn.Unflatten(1, (1, 8, 8))), "
            "nn.Sequential(nn.Flatten(), nn.Linear(64, 1))\n"
            "    return Players(generator=g, discriminator=d, noise=Noise(size=4), conditional='loss')"
        ),
    )
    nets_ = "odd" if conditional == "loss" else {**TINY, "conditional": conditional}
    tried = preflight(grid(loss=["odd"], architecture=[nets_], dataset=[DIGITS]), "cpu", shared())
    if player == conditional:
        assert tried.skipped == {}
        return
    (reason,) = tried.skipped.values()
    call = calls[player].split("(")[0]
    assert f"needs conditional players: {call} is given a condition, and the {player} takes none" in reason


@pytest.mark.parametrize(
    ("outputs", "line"),
    [
        ("lambda signature, options: 0", "must give an int of at least 1, given 0"),
        ("lambda signature, options: None", "must give an int of at least 1, given None"),
        ("lambda signature, options: 1 / 0", "ZeroDivisionError: division by zero"),
        ("lambda signature: 1", "TypeError: .*argument"),
    ],
)
def test_a_broken_number_of_outputs_is_named(fake_site: FakeSite, outputs: str, line: str) -> None:
    source = loss("class Odd(NonSaturating): ...")
    fake_site.install("fake-odd", source.replace("build=Odd", f"build=Odd, discriminator_outputs={outputs}"))
    with pytest.raises(
        GridError, match=rf"loss 'odd' \(plugin fake-odd 1.0\): .*{line}.* \(discriminator_outputs"
    ) as caught:
        preflight(grid(loss=["odd"]), "cpu", shared())
    assert len(caught.value.problems) == 1
