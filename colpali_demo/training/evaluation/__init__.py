"""How well a checkpoint reads, and the lists of what is held out."""
