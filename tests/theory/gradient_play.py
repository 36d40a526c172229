"""Gradient play of the Dirac-GAN, written out by hand: no autograd, no torch.

G is a point theta, D(x) = psi·x, the data are a point c, and both players descend their own gradient.
With s = psi·theta and σ the logistic function, the gradients are

    D, minimax and non_saturating   -σ(-psi·c) c + σ(s) theta
    D, wasserstein                  theta - c
    G, minimax                      -σ(s) psi
    G, non_saturating               -σ(-s) psi
    G, wasserstein                  -psi

and, D's gradient in x being psi everywhere, a penalty adds to D's

    r1                              weight · psi
    gradient_penalty                2 · weight · (|psi| - 1) · psi / |psi|
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ganbench.grid import Cell

Vector = NDArray[np.float64]


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def _softplus(x: float) -> float:
    return float(np.logaddexp(0, x))


@dataclass
class Play:
    """A trajectory: thetas and psis after each round, and what the curves have of it."""

    thetas: list[Vector] = field(default_factory=list)
    psis: list[Vector] = field(default_factory=list)
    loss_d: list[float] = field(default_factory=list)
    loss_g: list[float] = field(default_factory=list)
    grad_norm_d: list[float] = field(default_factory=list)
    grad_norm_g: list[float] = field(default_factory=list)

    @property
    def amplitude(self) -> float:
        """The largest coordinate of either player."""
        return float(max(np.abs(self.thetas).max(), np.abs(self.psis).max()))


class Dirac:
    """One cell's game."""

    def __init__(self, cell: Cell, c: Vector, theta: Vector, psi: Vector) -> None:
        self.cell, self.c, self.theta, self.psi = cell, c, theta.copy(), psi.copy()
        assert cell.train.d_optimizer.name == cell.train.g_optimizer.name == "sgd"
        self.clip = cell.loss.options.get("clip", 0.01) if cell.loss.name == "wasserstein" else 0.0

    def gradient_d(self) -> tuple[float, Vector]:
        """D's loss and gradient, penalty included."""
        real, fake = float(self.psi @ self.c), float(self.psi @ self.theta)
        if self.cell.loss.name == "wasserstein":
            loss, gradient = fake - real, self.theta - self.c
        else:
            loss = _softplus(-real) + _softplus(fake)
            gradient = -_sigmoid(-real) * self.c + _sigmoid(fake) * self.theta
        norm = float(np.linalg.norm(self.psi))
        if self.cell.penalty.name == "r1":
            weight = self.cell.penalty.options.get("weight", 1.0)
            return loss + weight / 2 * norm**2, gradient + weight * self.psi
        if self.cell.penalty.name == "gradient_penalty":
            weight = self.cell.penalty.options.get("weight", 10.0)
            penalty = 2 * weight * (norm - 1) * self.psi / norm
            return loss + weight * (norm - 1) ** 2, gradient + penalty
        return loss, gradient

    def gradient_g(self) -> tuple[float, Vector]:
        """G's loss and gradient."""
        s = float(self.psi @ self.theta)
        if self.cell.loss.name == "wasserstein":
            return -s, -self.psi
        if self.cell.loss.name == "minimax":
            return -_softplus(s), -_sigmoid(s) * self.psi
        return _softplus(-s), -_sigmoid(-s) * self.psi

    def step_d(self, gradient: Vector) -> None:
        self.psi = self.psi - self.cell.train.d_optimizer.lr * gradient
        if self.clip:
            self.psi = self.psi.clip(-self.clip, self.clip)

    def step_g(self, gradient: Vector) -> None:
        self.theta = self.theta - self.cell.train.g_optimizer.lr * gradient

    def play(self) -> Play:
        """Every round, in the cell's order."""
        train, played = self.cell.train, Play()
        for _ in range(train.steps):
            if train.order == "simultaneous":
                (loss_d, of_d), (loss_g, of_g) = self.gradient_d(), self.gradient_g()
                self.step_d(of_d)
                self.step_g(of_g)
            else:
                if train.order == "g_then_d":
                    loss_g, of_g = self.gradient_g()
                    self.step_g(of_g)
                for _ in range(train.d_steps):
                    loss_d, of_d = self.gradient_d()
                    self.step_d(of_d)
                if train.order == "d_then_g":
                    loss_g, of_g = self.gradient_g()
                    self.step_g(of_g)
            played.thetas.append(self.theta)
            played.psis.append(self.psi)
            played.loss_d.append(loss_d)
            played.loss_g.append(loss_g)
            played.grad_norm_d.append(float(np.linalg.norm(of_d)))
            played.grad_norm_g.append(float(np.linalg.norm(of_g)))
        return played
