"""Losses, penalties and networks that a resumed run would play on with otherwise are refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from broken_plugins import TINY, architecture, grid, loss, penalty
from fake_site import FakeSite
from parts_here import shared

from ganbench.errors import GridError
from ganbench.execution.grid_check import preflight

KEEPS = r"loss 'odd' \(plugin fake-odd 1.0\): keeps something between turns in its own attributes"
STATE = r"keep it in game.state\(name, initial\)"


def of_loss(init: str = "pass", d: str = "0", g: str = "0", more: str = "pass") -> str:
    """A loss whose values have something added; `more` goes before both."""
    return loss(f"""
class Odd(NonSaturating):
    def __init__(self):
        {init}
    def discriminator_loss(self, game):
        {more}
        return super().discriminator_loss(game) + {d}
    def generator_loss(self, game):
        {more}
        return super().generator_loss(game) + {g}
""")


KEPT: dict[str, tuple[str, str]] = {
    "a counter": (of_loss("self.calls = 0", d="0.01 * self.calls", more="self.calls += 1"), r"\(calls\)"),
    "a counter that shows in the third round": (
        of_loss("self.calls = 0", g="float(self.calls > 5)", more="self.calls += 1"),
        r"\(calls\).*the generator's loss in round 3",
    ),
    "a counter that shows in the sixteenth round": (
        of_loss("self.calls = 0", g="float(self.calls % 32 == 0)", more="self.calls += 1"),
        r"\(calls\)",
    ),
    "an average": (
        of_loss(
            "self.mean = 0.0", d="self.mean.mean()", more="self.mean = 0.9 * self.mean + game.real.mean()"
        ),
        r"\(mean\)",
    ),
    "made lazily": (
        of_loss(
            d="(game.real.mean() - self.first)",
            more="self.first = getattr(self, 'first', game.real.mean().detach())",
        ),
        STATE,
    ),
    "a list": (
        of_loss("self.seen = []", g="0.1 * len(self.seen)", more="self.seen.append(game.real.mean())"),
        STATE,
    ),
    "in an object that it holds": (
        of_loss(
            "import types; self.box = types.SimpleNamespace(k=0)",
            d="0.1 * self.box.k",
            more="self.box.k += 1",
        ),
        r"\(box.k\)",
    ),
    "a tensor written to in place": (
        of_loss("self.k = torch.zeros(())", d="self.k.clone()", more="self.k += 0.1"),
        r"\(k\)",
    ),
    "a seeded generator of its own": (
        of_loss("self.rng = np.random.default_rng(0)", d="self.rng.normal()"),
        STATE,
    ),
    "changed after D's step": (
        of_loss("self.clip = 1.0", d="0")
        + """
def after(self, discriminator):
    self.clip *= 0.5
    for parameter in discriminator.parameters():
        parameter.clamp_(-self.clip, self.clip)
Odd.after_discriminator_step = after
""",
        r"\(clip\)",
    ),
    "a network in train mode that counts": (
        of_loss(
            "self.norm = nn.BatchNorm1d(2).requires_grad_(False)",
            d="self.norm.running_mean.mean()",
            more="self.norm.train()(game.real)",
        ),
        STATE,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", KEPT)
def test_a_loss_that_keeps_something_is_refused(fake_site: FakeSite, how: str) -> None:
    source, line = KEPT[how]
    fake_site.install("fake-odd", source)
    with pytest.raises(GridError, match=f"{KEEPS}.*{line}") as caught:
        preflight(grid(loss=["odd"]), "cpu", shared())
    assert len(caught.value.problems) == 1


def test_a_penalty_that_keeps_something_is_refused(fake_site: FakeSite) -> None:
    fake_site.install(
        "fake-odd",
        penalty("""
class Odd:
    turns = 0
    def __call__(self, game):
        self.turns += 1
        return game.input_gradient(game.real).square().mean() * (self.turns % 2)
"""),
    )
    with pytest.raises(GridError, match=r"penalty 'odd' \(.*\): keeps something.*\(turns\).*" + STATE):
        preflight(grid(penalty=["odd", "none"]), "cpu", shared())


def test_a_network_that_keeps_something_is_refused(fake_site: FakeSite) -> None:
    fake_site.install(
        "fake-odd",
        architecture("""
class Net(nn.Linear):
    turns = 0
    def forward(self, z):
        self.turns += 1
        return super().forward(z) / self.turns

def odd(signature):
    return Players(generator=Net(4, 2), discriminator=nn.Linear(2, 1), noise=Noise(size=4))
"""),
    )
    with pytest.raises(GridError, match=r"architecture 'odd' .*: keeps something.*in a registered buffer"):
        preflight(grid(architecture=["odd"]), "cpu", shared())


@pytest.mark.slow
def test_the_one_of_several_that_keeps_something_is_named(fake_site: FakeSite) -> None:
    fake_site.install("fake-odd", KEPT["a counter"][0])
    fake_site.install(
        "fake-penalty",
        penalty("class Odd:\n    def __call__(self, game):\n        return game.real.new_zeros(())"),
    )
    with pytest.raises(GridError) as caught:
        preflight(grid(loss=["odd"], penalty=["odd"]), "cpu", shared())
    (problem,) = caught.value.problems
    assert "loss 'odd'" in problem
    assert "penalty" not in problem.partition("keeps")[0]


DRAWN = {
    "torch": ("torch.rand(())", "outside of game.uniform and game.normal, from torch's global generator"),
    "torch like": ("torch.randn_like(game.real).mean()", "from torch's global generator"),
    "numpy": ("np.random.rand()", "draws random numbers from numpy.random in a turn"),
    "python": ("random.random()", "draws random numbers from python's random in a turn"),
    "an unseeded generator": ("np.random.default_rng().normal()", "gives other values each time"),
}


@pytest.mark.parametrize("source", DRAWN)
def test_a_loss_that_draws_elsewhere_is_refused(fake_site: FakeSite, source: str) -> None:
    drawn, line = DRAWN[source]
    fake_site.install("fake-odd", of_loss(d=drawn))
    dropout = {**TINY, "hidden_dropout": 0.5}
    with pytest.raises(GridError, match=rf"loss 'odd' \(plugin fake-odd 1.0\): .*{line}"):
        preflight(grid(loss=["odd"], architecture=[dropout]), "cpu", shared())


def test_a_loss_that_draws_from_torch_beside_networks_that_draw_nothing_is_taken(fake_site: FakeSite) -> None:
    # Its draws resume, and no other ones depend on them: plugins have been written so.
    fake_site.install("fake-odd", of_loss(d="torch.randn_like(game.real).mean()"))
    found = preflight(grid(loss=["odd"], architecture=[TINY]), "cpu", shared())
    assert (found.skipped, found.broken) == ({}, {})


def test_a_network_that_draws_where_no_checkpoint_looks_is_refused(fake_site: FakeSite) -> None:
    fake_site.install(
        "fake-odd",
        architecture("""
class Net(nn.Linear):
    def forward(self, z):
        return super().forward(z + np.random.rand())

def odd(signature):
    return Players(generator=Net(4, 2), discriminator=nn.Linear(2, 1), noise=Noise(size=4))
"""),
    )
    with pytest.raises(GridError, match=r"architecture 'odd' .*: draws random numbers from numpy.random"):
        preflight(grid(architecture=["odd"]), "cpu", shared())


FINE: dict[str, str] = {
    "a state of the game": of_loss(d="game.state('k', 0.0).clone()", more="game.state('k', 0.0).add_(0.1)"),
    "draws of the game": of_loss(d="game.uniform(8).mean()", g="game.normal(8).mean()"),
    "a counter that nothing depends on": of_loss("self.calls = 0", more="self.calls += 1"),
    "a cache": of_loss(d="self.shift", more="self.shift = getattr(self, 'shift', 0.5)"),
    "batches written to": of_loss(more="game.real.add_(1.0)"),
    "a frozen network": of_loss(
        "self.net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))",
        g="self.net(game.fake).square().mean()",
    ),
    "frozen networks in a list": of_loss(
        "self.nets = [nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))]", g="self.nets[0](game.fake).mean()"
    ),
    "a network without parameters": loss("""
class Odd(nn.Module):
    def discriminator_loss(self, game):
        real, fake = game.scores()
        return (softplus(-real) + softplus(fake)).mean()
    def generator_loss(self, game):
        return softplus(-game.score(game.fake)).mean()
"""),
    "a network with one that is frozen": loss("""
class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)).requires_grad_(False)
    def discriminator_loss(self, game):
        real, fake = game.scores()
        return (softplus(-real) + softplus(fake)).mean()
    def generator_loss(self, game):
        return softplus(-game.score(game.fake)).mean() + self.net(game.fake).mean()
"""),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", FINE)
def test_a_loss_that_keeps_to_the_rules_is_taken(fake_site: FakeSite, what: str) -> None:
    fake_site.install("fake-odd", FINE[what])
    dropout = {**TINY, "hidden_dropout": 0.5, "normalization": "spectral"}
    found = preflight(grid(loss=["odd"], architecture=[dropout], penalty=["none", "r1"]), "cpu", shared())
    assert (found.skipped, found.broken) == ({}, {})


LEARNS: dict[str, tuple[str, str]] = {
    "a parameter": (of_loss("self.w = nn.Parameter(torch.ones(2))", d="self.w.sum()"), r"\(w\)"),
    "in a list": (of_loss("self.ws = [nn.Parameter(torch.ones(2))]", d="self.ws[0].sum()"), r"\(ws\[0\]\)"),
    "in a mapping": (
        of_loss("self.ws = {'a': nn.Parameter(torch.ones(2))}", d="self.ws['a'].sum()"),
        r"\(ws\['a'\]\)",
    ),
    "in a list of parameters": (
        of_loss("self.ws = nn.ParameterList([torch.ones(2)])", d="self.ws[0].sum()"),
        r"\(ws\)",
    ),
    "in an object": (
        of_loss(
            "import types; self.box = types.SimpleNamespace(w=nn.Parameter(torch.ones(2)))",
            d="self.box.w.sum()",
        ),
        r"\(box.w\)",
    ),
    "in a closure": (
        of_loss("w = nn.Parameter(torch.ones(2)); self.f = lambda: w.sum()", d="self.f()"),
        r"\(f.w\)",
    ),
    "in the class": (of_loss(d="self.w.sum()") + "\nOdd.w = nn.Parameter(torch.ones(2))", r"\(w\)"),
    "in the module": (of_loss(d="W.sum()") + "\nW = nn.Parameter(torch.ones(2))", r"of shape \(2,\)"),
    "a tensor with a gradient": (
        of_loss("self.t = torch.ones((), requires_grad=True)", d="self.t"),
        r"\(t\)",
    ),
    "an optimizer of its own": (
        of_loss("self.opt = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1)"),
        r"\(opt",
    ),
    "itself a network": (
        loss("""
class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(1, 1)
    def discriminator_loss(self, game): ...
    def generator_loss(self, game): ...
"""),
        r"\(head.weight, head.bias\).*requires_grad_\(False\)",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("where", LEARNS)
def test_a_loss_that_would_have_to_learn_is_refused(fake_site: FakeSite, where: str) -> None:
    source, line = LEARNS[where]
    fake_site.install("fake-odd", source)
    with pytest.raises(
        GridError, match=rf"loss 'odd' \(plugin fake-odd 1.0\): .*nothing would train.*|{line}"
    ) as caught:
        preflight(grid(loss=["odd"]), "cpu", shared())
    (problem,) = caught.value.problems
    assert "would train" in problem


def test_a_penalty_that_would_have_to_learn_is_refused(fake_site: FakeSite) -> None:
    fake_site.install(
        "fake-odd",
        penalty(
            "class Odd(nn.Linear):\n    def __init__(self):\n        super().__init__(2, 1)\n"
            "    def forward(self, game): ..."
        ),
    )
    with pytest.raises(GridError, match=r"penalty 'odd' .*nothing would train \(weight, bias\)"):
        preflight(grid(penalty=["odd"]), "cpu", shared())


CONDITIONED: dict[str, tuple[str, dict[str, Any], str]] = {
    "GAN-CLS": (
        of_loss(d="softplus(game.score(game.real, game.condition.roll(1))).mean()"),
        {"loss": ["odd"]},
        "loss",
    ),
    "generated for another class": (
        of_loss(g="game.generate(game.noise, game.condition.roll(1)).mean()"),
        {"loss": ["odd"]},
        "loss",
    ),
    "a penalty": (
        penalty(
            "class Odd:\n    def __call__(self, game):\n"
            "        return game.score(game.real, condition=game.condition).mean()"
        ),
        {"penalty": ["odd"]},
        "penalty",
    ),
    "a penalty every second step": (
        penalty(
            "class Odd:\n    def __call__(self, game):\n"
            "        k = game.state('k', 0.0).add_(1)\n"
            "        again = game.condition if int(k) % 2 == 0 else None\n"
            "        return game.score(game.real, again).mean()"
        ),
        {"penalty": ["odd"]},
        "penalty",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", CONDITIONED)
def test_a_condition_for_players_that_take_none_skips_the_cell(fake_site: FakeSite, what: str) -> None:
    source, axes, kind = CONDITIONED[what]
    fake_site.install("fake-odd", source)
    taking = {"name": "dcgan", "channels": 4, "noise": 4, "conditional": True}
    asked = grid(dataset=["digits"], architecture=[TINY, taking], **axes)
    ids = {cell.architecture.name: cell.id for cell in asked.cells}
    found = preflight(asked, "cpu", shared())
    assert set(found.skipped) == {ids["mlp"]}
    reason = found.skipped[ids["mlp"]]
    assert reason.startswith(f"{kind} 'odd' (plugin fake-odd 1.0) needs conditional players: ")
    assert "architecture 'mlp" in reason
