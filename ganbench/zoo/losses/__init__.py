"""The built-in losses, their specs on one screen; the losses are in the modules beside this one."""

from __future__ import annotations

from collections.abc import Iterator

from ganbench.api import LossSpec, hookimpl
from ganbench.api.lazy import lazy

_GOODFELLOW = "Goodfellow et al. (2014), Generative Adversarial Networks"
_CROSS_ENTROPY = "-E[log D(x)] - E[log(1 - D(G(z)))]"


@hookimpl
def ganbench_losses() -> Iterator[LossSpec]:
    """Register the built-in losses; D(x) is a probability, s(x) a raw score."""
    yield LossSpec(
        name="minimax",
        build=lazy("ganbench.zoo.losses.adversarial:Minimax"),
        summary="The zero-sum game of the 2014 paper: G minimises what D maximises.",
        formula_d=_CROSS_ENTROPY,
        formula_g="E[log(1 - D(G(z)))]",
        reference=f"{_GOODFELLOW}, equation 1",
        value=True,
    )
    yield LossSpec(
        name="non_saturating",
        build=lazy("ganbench.zoo.losses.adversarial:NonSaturating"),
        summary="The same D; G maximises log D(G(z)), which does not vanish when D wins.",
        formula_d=_CROSS_ENTROPY,
        formula_g="-E[log D(G(z))]",
        reference=f"{_GOODFELLOW}, section 3",
        value=True,
    )
    yield LossSpec(
        name="softmax",
        build=lazy("ganbench.zoo.losses.adversarial:Softmax"),
        summary="Two output nodes and cross-entropy over {real, fake}; the logit is their difference.",
        formula_d="-E[log p(real | x)] - E[log p(fake | G(z))], p = softmax(s)",
        formula_g="-E[log p(real | G(z))]; with form minimax: E[log p(fake | G(z))]",
        reference=f"{_GOODFELLOW}, equation 1 and section 3",
        discriminator_outputs=2,
        value=True,
    )
    yield LossSpec(
        name="switched",
        build=lazy("ganbench.zoo.losses.adversarial:Switched"),
        summary="minimax with a sign: G's direction follows the class that D predicts for its sample.",
        formula_d=_CROSS_ENTROPY,
        formula_g="E[log(1 - D(G(z))) · (2·[D(G(z)) > threshold] - 1)]",
        value=True,
    )
    yield LossSpec(
        name="least_squares",
        build=lazy("ganbench.zoo.losses.adversarial:LeastSquares"),
        summary="D and G regress scores onto targets: gradients grow with the distance.",
        formula_d="½ E[(s(x) - real_target)²] + ½ E[(s(G(z)) - fake_target)²]",
        formula_g="½ E[(s(G(z)) - generator_target)²]",
        reference="Mao et al. (2017), Least Squares Generative Adversarial Networks, equation 2",
    )
    yield LossSpec(
        name="wasserstein",
        build=lazy("ganbench.zoo.losses.adversarial:WassersteinLoss"),
        summary="A critic with clipped weights; clip = 0 leaves the Lipschitz bound to a penalty.",
        formula_d="E[s(G(z))] - E[s(x)], then every weight of D clipped to [-clip, clip]",
        formula_g="-E[s(G(z))]",
        reference="Arjovsky et al. (2017), Wasserstein GAN, algorithm 1",
    )
    yield LossSpec(
        name="hinge",
        build=lazy("ganbench.zoo.losses.adversarial:Hinge"),
        summary="D separates scores by a margin; G raises those of its samples.",
        formula_d="E[max(0, 1 - s(x))] + E[max(0, 1 + s(G(z)))]",
        formula_g="-E[s(G(z))]",
        reference="Lim & Ye (2017), Geometric GAN; Miyato et al. (2018), equations 16 and 17",
    )
    yield LossSpec(
        name="began",
        build=lazy("ganbench.zoo.losses.began:Began"),
        summary="D is an autoencoder; the game is played on its reconstruction errors, kept in balance by k.",
        formula_d="L(x) - k·L(G(z)), L the mean reconstruction error",
        formula_g="L(G(z)); k <- clamp(k + lambda_k·(gamma·L(x) - L(G(z))), 0, 1)",
        reference="Berthelot et al. (2017), BEGAN: Boundary Equilibrium Generative Adversarial Networks",
        discriminator_outputs=None,
    )
    yield LossSpec(
        name="elbo",
        build=lazy("ganbench.zoo.losses.elbo:Elbo"),
        summary="A variational autoencoder: the baseline that is not a game; an encoder in D's place.",
        formula_d="E[|x - G(z)|²]/(2·variance) + ½ d·log(2π·variance) + KL(q(z|x) || N(0, I)), z ~ q(z|x)",
        formula_g="the same, on the same batch",
        reference="Kingma & Welling (2014), Auto-Encoding Variational Bayes, equations 3 and 10",
        discriminator_outputs=None,
    )
