"""How the bundled checkpoint is made, measured and changed: `python -m colpali_demo.training --help`.

- `corpus/`: packages of Debian, text, fonts, frequent words, and what is held out.
- `pages/`: pages drawn on the fly or taken from PDFs, damaged as scans are, and what they teach.
- `queries.py`, `questions.py`: words and phrases of a page, and questions about it.
- `batches.py`, `features.py`: pages on the way into a run, drawn anew or embedded once.
- `tokenizer.py`, `model.py`, `losses.py`, `meaning.py`, `pretrainer.py`, `run.py`: the model, its losses, one run.
- `surgery/`: a deeper tower, a larger vocabulary, the mean of two checkpoints.
- `evaluation/`: how well a checkpoint reads, and the lists of what is held out.
- `runs/`: the recipe as a script. The lab book is `assets/colpali-tiny/TRAINING.md`.

Nothing else in the package imports this room.
"""
