"""Predictions for files: pictures, tables and arrays."""

from untrained.deploying.predicting.predict import Predicted, predict
from untrained.deploying.predicting.records import records

__all__ = ["Predicted", "predict", "records"]
