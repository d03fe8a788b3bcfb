"""Explanations as files: figures, tensors, one HTML page; and the scripts that draw them in a browser."""
