"""Engines that record a round once and play the recording, and the choice among all engines."""

from ganbench.engines.engine_choice import AUTO, ENGINES, EngineChoice, choose_engine, engine_named

__all__ = ["AUTO", "ENGINES", "EngineChoice", "choose_engine", "engine_named"]
