"""How the bundled checkpoint is made: training pages drawn on the fly, losses, the runs and their evaluation."""
