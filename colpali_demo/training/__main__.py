"""Command line of the training room: `python -m colpali_demo.training pretrain|evaluate ...`."""

import argparse
import json
from dataclasses import fields
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m colpali_demo.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add_pretrain(commands.add_parser("pretrain", help="teach colpali-tiny to read, from random weights"))
    arguments = parser.parse_args()
    arguments.run(arguments)


def add_pretrain(parser: argparse.ArgumentParser) -> None:
    from .pretrain import Schedule

    parser.add_argument("folder", type=Path, help="the run: its state, log and checkpoint; an existing run goes on")
    parser.add_argument("--text", type=Path, required=True, help="folder of .txt files to write pages with")
    parser.add_argument("--fonts", type=Path, nargs="*", help="font files or folders (default: the system's)")
    parser.add_argument("--pdfs", type=Path, help="folder of PDFs with a text layer, as a second source of pages")
    parser.add_argument("--pdf-share", type=float, default=0.4, help="part of the pages that come from them")
    parser.add_argument("--processor", type=Path, required=True, help="folder with the processor (see `tokenizer`)")
    parser.add_argument("--counts", type=Path, required=True, help="JSON of word counts: rare words are asked for more")
    parser.add_argument("--difficulty", type=float, default=1.0, help="0: large print only; 1: the full mix")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw pages")
    parser.add_argument("--reuse", type=int, default=2, help="how often each page is shown")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--average", type=Path, help="only write the averaged weights of the run to this folder")
    for field in fields(Schedule):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    parser.set_defaults(run=pretrain)


def pretrain(arguments: argparse.Namespace) -> None:
    import torch
    from transformers import ColPaliProcessor

    from .batches import PageStream, batches
    from .fonts import FONT_FOLDERS
    from .model import build_model
    from .pretrain import Pretrainer, Run, Schedule

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    processor = ColPaliProcessor.from_pretrained(arguments.processor)
    schedule = Schedule(**{field.name: getattr(arguments, field.name) for field in fields(Schedule)})
    trainer = Pretrainer(build_model(processor), processor)
    run = Run(arguments.folder, trainer, processor, schedule, arguments.device)
    if arguments.average:
        run.save_average(arguments.average)
        return
    stream = PageStream(
        text=arguments.text,
        fonts=arguments.fonts or list(FONT_FOLDERS),
        pdfs=sorted(arguments.pdfs.rglob("*.pdf")) if arguments.pdfs else [],
        pdf_share=arguments.pdf_share,
        difficulty=arguments.difficulty,
        tokenizer=processor.tokenizer,
        size=trainer.size,
        seed=arguments.seed + run.seen,
    )
    counts = json.loads(arguments.counts.read_text())
    run.train(batches(stream, schedule.batch, arguments.workers, arguments.reuse, arguments.seed), counts)


if __name__ == "__main__":
    main()
