"""Cells on other machines: the executors `ray` and `slurm`, which a cluster file describes.

Importing this package costs nothing: Ray imports it to start an actor on a node, torch not yet loaded.
"""
