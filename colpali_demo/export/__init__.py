"""Explanations as files: figures, tensors, one HTML page."""
