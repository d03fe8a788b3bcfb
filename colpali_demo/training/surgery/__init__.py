"""Changes of a run or checkpoint: a deeper tower, a larger vocabulary, the mean of two."""
