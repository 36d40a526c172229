"""How a cell is trained and scored: the settings of [train] and [score], their defaults and bounds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, InstanceOf, model_validator

from ganbench.catalog import Kind
from ganbench.errors import did_you_mean
from ganbench.grid.choice import Choice
from ganbench.grid.optimizer_settings import Adam, OptimizerSettings
from ganbench.grid.schedule_settings import (
    EmaSetting,
    RampsSetting,
    RateScheduleSetting,
    read_ramps,
    settle_ramps,
)

# Generous, and small enough that no product of them overflows anything downstream.
MAX_COUNT = 1_000_000_000
PLAYERS = ("d_optimizer", "g_optimizer")
OPTIMIZER_KEYS = ("optimizer", *PLAYERS)
SHARED_OPTIMIZER = "the optimizer of both players; `ganbench show adam` lists the options of one"
# Settings that name something with options, and its kind.
CHOICES: dict[str, Kind] = {
    "score.extractor": "extractor",
    "train.loss_before_freeze": "loss",
    "train.update": "update",
}
# Algorithm 1; stands in no identity.
DEFAULT_UPDATE = Choice("alternating")
# How training is carried out, not what it is: the weights are the same whatever these say.
BESIDE_IDENTITY = frozenset({"checkpoint_seconds"})
# The engines that a grid may name. `ganbench.engines.ENGINES` has a class for each of them.
ENGINES = ("eager", "compiled", "graph", "graph+compiled", "ensemble", "graph+ensemble")
# Those that train several seeds together; `ensemble-16` is one for 16 seeds.
ENSEMBLES = ("ensemble", "graph+ensemble")
_WIDTHS = range(2, 1025)

Count = Annotated[int, Field(ge=1, le=MAX_COUNT, description="a whole number from 1 to 1000000000")]
Batch = Annotated[int, Field(ge=1, le=1_000_000, description="a whole number from 1 to 1000000")]
Rounds = Annotated[int, Field(ge=1, le=1000, description="a whole number from 1 to 1000")]
Norm = Annotated[float, Field(ge=0, le=MAX_COUNT, description="a number from 0 to 1000000000")]
Seconds = Annotated[float, Field(gt=0, le=MAX_COUNT, description="a number of seconds above 0")]
Sampled = Annotated[int, Field(ge=2, le=10_000_000, description="a whole number from 2 to 10000000")]
Interval = Annotated[int, Field(ge=0, le=MAX_COUNT, description="a whole number from 0 to 1000000000")]
Repeats = Annotated[int, Field(ge=1, le=1000, description="a whole number from 1 to 1000")]
Flag = Annotated[bool, Field(description="true or false")]

_NAMED = "a name of `ganbench list {}`, or a table with name and options"
_OPTIMIZER = "a name of `ganbench list optimizers`, or a table such as { name = 'adam', lr = 2e-4 }"

_CONFIG = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


def _known_engine(engine: str) -> str:
    known = ("auto", *ENGINES)
    name, dash, width = engine.partition("-")
    if name in ENSEMBLES and dash:
        if width not in map(str, _WIDTHS):
            wanted = f"{name}-N with a number of seeds N from {_WIDTHS[0]} to {_WIDTHS[-1]}"
            raise ValueError(f"engine {engine!r}: must be {wanted}")
    elif engine not in known:
        raise ValueError(f"engine {engine!r} is not in this version{did_you_mean(engine, known)}")
    return engine


EngineName = Annotated[
    str,
    AfterValidator(_known_engine),
    Field(description=f"one of auto, {', '.join(ENGINES)}; or ensemble-16 for groups of 16 seeds"),
]


class TrainSettings(BaseModel):
    """How one cell is trained; resolved.

    Attributes:
        steps: generator updates.
        batch_size: samples per batch; at most the training samples.
        d_steps: discriminator updates per generator update, k of Algorithm 1.
        order: which player moves first; `simultaneous` takes both gradients before either step.
        update: the rule by which gradients become steps.
        d_optimizer: the discriminator's, merged over `optimizer`; with another name, instead of it.
        g_optimizer: the generator's, likewise.
        schedule: the change of both learning rates over all steps: a name, or a table with `final` and
            `warmup`.
        schedules: the change of single hyper-parameters, by `d_optimizer.lr`, `optimizer.betas.1`, `ema` and
            the like; once resolved, those of `optimizer` stand here for each player.
        ema: the generator's moving average, which is what is scored when above 0: the decay per step, or a
            half-life.
        diagnostics_every: generator updates between rows of the curves.
        precision: type of the numbers in training; bfloat16 means autocast.
        tf32: whether a GPU may round the inputs of products and convolutions of float32 to TF32 in training,
            which is faster there; scores are computed without. Without effect on a CPU and on other GPUs.
        engine: how steps execute.
        checkpoint_seconds: time between checkpoints; no part of a cell's identity.
        freeze_generator_at: generator updates after which it stays as it is while rounds go on and D learns
            on (Arjovsky and Bottou, 2017, section 2.2.1); never unless given.
        loss_before_freeze: what is minimised up to then in the loss's place, so that losses meet on the same
            frozen generator; the loss itself unless given.
        gradient_clip: largest Euclidean norm of a player's gradient; a longer one is scaled down to it before
            the optimizer's step; 0 for none.
        accumulate: batches per update, whose gradients are averaged before the optimizer's step.
        memory_format: the order in which images and the weights of convolutions lie in memory while a cell
            is trained and its samples are made; with channels_last convolutions are often faster, and round
            otherwise. For images; networks without convolutions stay as they are.
    """

    model_config = _CONFIG

    steps: Count = 3000
    batch_size: Batch = 64
    d_steps: Rounds = 1
    order: Literal["d_then_g", "g_then_d", "simultaneous"] = "d_then_g"
    update: InstanceOf[Choice] = Field(default=DEFAULT_UPDATE, description=_NAMED.format("updates"))
    d_optimizer: InstanceOf[OptimizerSettings] = Field(default=Adam(), description=_OPTIMIZER)
    g_optimizer: InstanceOf[OptimizerSettings] = Field(default=Adam(), description=_OPTIMIZER)
    schedule: RateScheduleSetting = Field(
        default="constant",
        description="constant, linear, cosine or exponential, or a table such as "
        "{ name = 'cosine', warmup = 0.05 }",
    )
    schedules: RampsSetting = Field(
        default=None, description="a table of schedules, such as { ema = { name = 'linear', to = 0.999 } }"
    )
    ema: EmaSetting = 0.0
    diagnostics_every: Count = 10
    precision: Literal["float32", "bfloat16", "float64"] = "float32"
    tf32: Flag = False
    engine: EngineName = "auto"
    checkpoint_seconds: Seconds = 30.0
    freeze_generator_at: Interval | None = Field(
        default=None, description="a whole number of steps from 0 to below train.steps"
    )
    loss_before_freeze: InstanceOf[Choice] | None = Field(default=None, description=_NAMED.format("losses"))
    gradient_clip: Norm = 0.0
    accumulate: Rounds = 1
    memory_format: Literal["contiguous", "channels_last"] = "contiguous"

    @model_validator(mode="before")
    @classmethod
    def _settled_ramps(cls, values: dict[str, Any]) -> dict[str, Any]:
        ramps = read_ramps(values.get("schedules"))
        if not ramps:
            return {**values, "schedules": None}
        optimizers = {player: values.get(player, Adam()) for player in PLAYERS}
        settled = settle_ramps(ramps, optimizers, values.get("ema", 0.0))
        constant = values.get("schedule", "constant") == "constant"
        if rates := [] if constant else [key for key in settled if key.endswith(".lr")]:
            raise ValueError(f"schedule and schedules: both change {rates[0]}; leave one of them out")
        return {**values, "schedules": settled}

    @model_validator(mode="after")
    def _one_round(self) -> TrainSettings:
        if self.order == "simultaneous" and self.d_steps != 1:
            raise ValueError(f"order 'simultaneous' needs d_steps = 1, given d_steps = {self.d_steps}")
        return self

    @model_validator(mode="after")
    def _frozen_in_time(self) -> TrainSettings:
        at = self.freeze_generator_at
        if at is not None and at >= self.steps:
            raise ValueError(f"freeze_generator_at must be below steps = {self.steps}, given {at}")
        if self.loss_before_freeze is not None and not at:
            raise ValueError("loss_before_freeze needs freeze_generator_at above 0")
        return self

    def changed(self) -> dict[str, Any]:
        """Return what differs from the defaults and decides weights, as JSON: part of a cell's identity."""
        apart = {*PLAYERS, *BESIDE_IDENTITY, "loss_before_freeze", "update"}
        values = self.model_dump(mode="json", exclude_defaults=True, exclude=apart)
        if self.loss_before_freeze is not None:
            values["loss_before_freeze"] = self.loss_before_freeze.canonical()
        if self.update != DEFAULT_UPDATE:
            values["update"] = self.update.canonical()
        for player in PLAYERS:
            if options := getattr(self, player).changed():
                values[player] = options
        return values


class ScoreSettings(BaseModel):
    """How one cell is scored; resolved.

    Attributes:
        metrics: what is computed; none trains without scoring.
        extractor: what makes features of images; only where a metric needs some.
        samples: number that is generated for each scoring.
        reference: the split that is the real side, whole.
        every: generator updates between scorings; 0 is only at the end, where every cell is scored.
        initial: whether the untrained generator is scored too, as step 0.
        repeats: independent sample sets on which the final generator is scored; their spread is the metric's
            own noise, apart from that of the seeds.
        extractor_precision: precision of the extractor's arithmetic; part of the protocol.
        keep_best: a score with a direction, such as "fid": the generator's weights at the best of all
            scorings by it are kept too, as generator-best.safetensors, and scored anew at the end, as
            fid_best, on samples that they were not chosen by; fid_best_chosen is the value that they were
            chosen by, which flatters them, and fid_best_step the step. Needs `every` above 0.
    """

    model_config = _CONFIG

    metrics: tuple[InstanceOf[Choice], ...] = Field(
        default=(), description="a list of names of `ganbench list metrics`, or tables with name and options"
    )
    extractor: InstanceOf[Choice] | None = Field(default=None, description=_NAMED.format("extractors"))
    samples: Sampled = 2000
    reference: Literal["train", "test"] = "train"
    every: Interval = 1000
    initial: Flag = False
    repeats: Repeats = 1
    extractor_precision: Literal["float32", "bfloat16"] = "float32"
    keep_best: str | None = Field(default=None, description='the name of a score, such as "fid"')

    @property
    def best_score(self) -> str:
        """The name of the kept best generator's score, such as `fid_best`; empty where none is kept."""
        return "" if self.keep_best is None else f"{self.keep_best}_best"
