"""A TensorFlow/Keras trainer for Unity ML-Agents behaviors."""

__version__ = "0.1.0"
