"""Summaries of features, weighted by pixel, that merge; one file a statistic."""
