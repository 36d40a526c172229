"""The data and statistics of a results folder: tidy tables, tests, comparison and verdict."""
