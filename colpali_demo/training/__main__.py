"""Command line of the training room: `python -m colpali_demo.training pretrain|mix|evaluate ...`."""

import argparse
import json
import shutil
from dataclasses import fields
from pathlib import Path

WHOLE_WORDS = "frequent words that are one piece in any case"


def main(argv: list[str] | None = None) -> None:
    arguments = build_parser().parse_args(argv)
    arguments.run(arguments)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m colpali_demo.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    debian = commands.add_parser("debian", help="gather documents, text and fonts from packages of Debian 12")
    debian.add_argument("out", type=Path, help="folder to write to: 1.5 GB, and 10 GB beside it on the way")
    debian.set_defaults(run=gather_from_debian)
    held_out = commands.add_parser("held-out", help="gather and check documents in other languages and fonts held out")
    held_out.add_argument("out", type=Path, help="folder to write to: 20 MB")
    held_out.add_argument("--elsewhere", type=Path, help="folder with the documents of elsewhere.tsv, to be checked")
    held_out.set_defaults(run=gather_held_out)
    tokenizer = commands.add_parser("tokenizer", help="make the processor and the word counts from a folder of text")
    tokenizer.add_argument("text", type=Path, help="folder of .txt files")
    tokenizer.add_argument("out", type=Path, help="folder for the processor; the counts are its word_counts.json")
    tokenizer.add_argument(
        "--vocabulary", type=int, default=5_000, help="byte-pair pieces to learn (default: %(default)s)"
    )
    tokenizer.add_argument("--whole-words", type=int, default=10_000, help=f"{WHOLE_WORDS} (default: %(default)s)")
    tokenizer.set_defaults(run=make_tokenizer)
    grow = commands.add_parser("grow", help="carry a run over to a vocabulary with whole words")
    grow.add_argument("folder", type=Path, help="the run")
    grow.add_argument("processor", type=Path, help="folder with its processor")
    grow.add_argument("out", type=Path, help="folder for the new run; its processor is the folder `processor` in it")
    grow.add_argument("--whole-words", type=int, default=10_000, help=f"{WHOLE_WORDS} (default: %(default)s)")
    grow.add_argument("--words", type=Path, help="table of words made by `words`: new rows begin with what words mean")
    grow.set_defaults(run=grow_vocabulary)
    deepen = commands.add_parser("deepen", help="carry a run over to a tower with more residual blocks")
    deepen.add_argument("folder", type=Path, help="the run")
    deepen.add_argument("processor", type=Path, help="folder with its processor")
    deepen.add_argument("out", type=Path, help="folder for the new run")
    deepen.set_defaults(run=deepen_tower)
    add_features(
        commands.add_parser("features", help="pages as a checkpoint's tower sees them, for `pretrain --features`")
    )
    add_pretrain(commands.add_parser("pretrain", help="teach colpali-tiny to read, from nothing or a checkpoint"))
    mixed = commands.add_parser("mix", help="write the mean of two checkpoints of one run")
    mixed.add_argument("first", type=Path, help="a checkpoint")
    mixed.add_argument("second", type=Path, help="another one")
    mixed.add_argument("out", type=Path, help="folder for the new checkpoint")
    mixed.add_argument("--share", type=float, default=0.5, help="the second's part, from 0 to 1 (default: %(default)s)")
    mixed.set_defaults(run=mix)
    curves = commands.add_parser("curves", help="draw the losses and accuracies of a run over pages seen")
    curves.add_argument("folder", type=Path, help="the run")
    curves.add_argument("out", type=Path, help="the PNG")
    curves.set_defaults(run=draw)
    add_words(commands.add_parser("words", help="embed frequent words with a text model, for `pretrain --words`"))
    add_evaluate(commands.add_parser("evaluate", help="measure how well a checkpoint reads PDFs with a text layer"))
    weak = commands.add_parser(
        "calibrate", help="measure what a weak match is; writes calibration.json to the checkpoint"
    )
    weak.add_argument("folder", type=Path, help="the checkpoint")
    weak.set_defaults(run=calibrate_weak_matches)
    return parser


def gather_from_debian(arguments: argparse.Namespace) -> None:
    from colpali_demo.training.corpus.debian import gather

    gather(arguments.out)


def gather_held_out(arguments: argparse.Namespace) -> None:
    from colpali_demo.training.corpus.held_out import check_listed, gather_listed

    gather_listed(arguments.out)
    if arguments.elsewhere:
        check_listed(arguments.elsewhere, "elsewhere")


def make_tokenizer(arguments: argparse.Namespace) -> None:
    from colpali_demo.training.corpus.words import frequent_words
    from colpali_demo.training.model import build_processor
    from colpali_demo.training.surgery.vocabulary import with_whole_words
    from colpali_demo.training.tokenizer import count_words, flattened, train_tokenizer

    counts = count_words(line for file in sorted(arguments.text.rglob("*.txt")) for line in file.open(errors="ignore"))
    tokenizer = train_tokenizer(flattened(counts), arguments.vocabulary)
    tokenizer = with_whole_words(tokenizer, frequent_words(arguments.whole_words))
    build_processor(tokenizer).save_pretrained(arguments.out)
    kept = {word: count for word, count in counts.items() if count > 1}
    (arguments.out / "word_counts.json").write_text(json.dumps(kept))


def grow_vocabulary(arguments: argparse.Namespace) -> None:
    import torch
    from transformers import ColPaliProcessor

    from colpali_demo.training.corpus.words import frequent_words
    from colpali_demo.training.meaning import Teacher
    from colpali_demo.training.model import build_processor
    from colpali_demo.training.surgery.vocabulary import grow, pieces_before, with_whole_words

    old = ColPaliProcessor.from_pretrained(arguments.processor)
    words = frequent_words(arguments.whole_words)
    size = old.image_processor.size["height"]
    new = build_processor(with_whole_words(old.tokenizer, words), image_size=size)
    teacher = Teacher(arguments.words, new.tokenizer) if arguments.words else None
    state = torch.load(arguments.folder / "state.pt", map_location="cpu", weights_only=True)
    state = grow(state, pieces_before(old.tokenizer, new.tokenizer), new.image_token_id, teacher)
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.save(state, arguments.out / "state.pt")
    new.save_pretrained(arguments.out / "processor")
    copy_log(arguments)


def copy_log(arguments: argparse.Namespace) -> None:
    if (log := arguments.folder / "log.jsonl").exists():
        shutil.copy(log, arguments.out)


def deepen_tower(arguments: argparse.Namespace) -> None:
    import torch
    from transformers import ColPaliProcessor

    from colpali_demo.training.model import DEPTHS, build_model
    from colpali_demo.training.pretrainer import Pretrainer
    from colpali_demo.training.run import Run, Schedule
    from colpali_demo.training.surgery.depth import deepen, depths_of

    processor = ColPaliProcessor.from_pretrained(arguments.processor)
    # Mapped, since only the names are looked at here: the run itself reads the file.
    state = torch.load(arguments.folder / "state.pt", map_location="cpu", weights_only=True, mmap=True)
    old, new = (
        Run(folder, Pretrainer(build_model(processor, depths=depths), processor), processor, Schedule(), "cpu")
        for folder, depths in ((arguments.folder, depths_of(state["average"])), (arguments.out, DEPTHS))
    )
    deepen(old, new)
    new.save_state()
    copy_log(arguments)


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what pages come from."""
    parser.add_argument("--text", type=Path, help="folder of .txt files to write pages with")
    parser.add_argument("--fonts", type=Path, nargs="*", help="font files or folders (default: the system's)")
    parser.add_argument("--pdfs", type=Path, help="folder of PDFs with a text layer, as a second source of pages")
    parser.add_argument(
        "--pdf-share", type=float, default=0.4, help="part of the pages that come from them (default: %(default)s)"
    )
    parser.add_argument(
        "--difficulty", type=float, default=1.0, help="0: large print only; 1: the full mix (default: %(default)s)"
    )


def add_features(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, help="folder to write to: about 1 MB a page")
    parser.add_argument("--model", required=True, help="the checkpoint whose tower it is")
    add_source(parser)
    parser.add_argument("--groups", type=int, default=500, help="of four pages of a document (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: one a core)")
    parser.add_argument("--seed", type=int, default=0, help="of the pages (default: %(default)s)")
    parser.set_defaults(run=collect_features)


def collect_features(arguments: argparse.Namespace) -> None:
    import torch

    from colpali_demo import load_encoder
    from colpali_demo.training.features import collect

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    encoder = load_encoder(arguments.model)
    size = encoder.processor.image_processor.size["height"]
    stream = page_stream(arguments, encoder.processor.tokenizer, size, arguments.seed)
    collect(encoder, stream, arguments.groups, arguments.out)


def page_stream(arguments: argparse.Namespace, tokenizer, size: int, seed: int):
    from colpali_demo.training.batches import PageStream
    from colpali_demo.training.corpus.fonts import FONT_FOLDERS

    return PageStream(
        text=arguments.text,
        fonts=arguments.fonts or list(FONT_FOLDERS),
        pdfs=sorted(arguments.pdfs.rglob("*.pdf")) if arguments.pdfs else [],
        pdf_share=arguments.pdf_share,
        difficulty=arguments.difficulty,
        tokenizer=tokenizer,
        size=size,
        seed=seed,
    )


def add_pretrain(parser: argparse.ArgumentParser) -> None:
    from colpali_demo.training.run import Schedule

    parser.add_argument("folder", type=Path, help="the run: its state, log and checkpoint; an existing run goes on")
    add_source(parser)
    parser.add_argument(
        "--features", type=Path, help="folder made by `features`, in place of pages: the tower stands still"
    )
    parser.add_argument(
        "--documents", type=int, default=2, help="of `--features` whose pages make a step (default: %(default)s)"
    )
    parser.add_argument("--processor", type=Path, required=True, help="folder with the processor (see `tokenizer`)")
    parser.add_argument(
        "--resolution", type=int, help="side of the square in pixels, a multiple of 32 (default: the processor's, 1024)"
    )
    parser.add_argument(
        "--counts", type=Path, required=True, help="word_counts.json: rare words are queries more often"
    )
    parser.add_argument("--words", type=Path, help="table of words made by `words`: teaches which ones are close")
    parser.add_argument("--start", type=Path, help="a checkpoint of colpali-tiny for a new run to begin with")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw pages (default: %(default)s)")
    parser.add_argument("--reuse", type=int, default=2, help="how often each page is shown (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or another of torch's (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: one a core)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, pages and their order (default: %(default)s)")
    parser.add_argument("--average", type=Path, help="only write the averaged weights of the run to this folder")
    schedule = parser.add_argument_group("schedule", "lengths are in pages shown; weights are those of the losses")
    for field in fields(Schedule):
        schedule.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            default=field.default,
            help=field.metadata["help"] + " (default: %(default)s)",
        )
    parser.set_defaults(run=pretrain)


def pretrain(arguments: argparse.Namespace) -> None:
    import torch
    from transformers import ColPaliProcessor

    from colpali_demo.encoder.tiny import attention
    from colpali_demo.training.batches import batches
    from colpali_demo.training.features import feature_batches
    from colpali_demo.training.meaning import Teacher
    from colpali_demo.training.model import build_model, build_processor, load_checkpoint
    from colpali_demo.training.pretrainer import Pretrainer
    from colpali_demo.training.run import Run, Schedule

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    processor = ColPaliProcessor.from_pretrained(arguments.processor)
    if arguments.resolution is not None:
        processor = build_processor(processor.tokenizer, image_size=arguments.resolution)
    size = processor.image_processor.size["height"]
    schedule = Schedule(**{field.name: getattr(arguments, field.name) for field in fields(Schedule)})
    model = load_checkpoint(arguments.start, size) if arguments.start else build_model(processor)
    if arguments.device == "cpu":
        model.vlm.language_model.set_attn_implementation(attention.NAME)  # see there: one head, 2,057 vectors
    trainer = Pretrainer(model, processor)
    teacher = Teacher(arguments.words, processor.tokenizer) if arguments.words else None
    run = Run(arguments.folder, trainer, processor, schedule, arguments.device, teacher)
    if arguments.average:
        run.save_average(arguments.average)
        return
    counts = json.loads(arguments.counts.read_text())
    if arguments.features:
        run.train(feature_batches(arguments.features, arguments.documents, arguments.seed + run.seen), counts)
        return
    stream = page_stream(arguments, processor.tokenizer, size, arguments.seed + run.seen)
    run.train(batches(stream, schedule.batch, arguments.workers, arguments.reuse, arguments.seed), counts)


def mix(arguments: argparse.Namespace) -> None:
    from colpali_demo.training.surgery.mix import mix_checkpoints

    mix_checkpoints(arguments.first, arguments.second, arguments.share, arguments.out)


def draw(arguments: argparse.Namespace) -> None:
    from colpali_demo.training.curves import draw_curves

    draw_curves(arguments.folder, arguments.out)


def add_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, help="the table, an .npz file")
    parser.add_argument("--words", type=int, default=20_000, help="how many (default: %(default)s)")
    parser.set_defaults(run=words)


def words(arguments: argparse.Namespace) -> None:
    from colpali_demo.training.corpus.words import frequent_words, save_table

    save_table(frequent_words(arguments.words), arguments.out)


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", help="PDFs with a text layer; they are not sandboxed")
    parser.add_argument("--model", default="auto", help="auto, tiny, a folder or a Hub id (default: %(default)s)")
    parser.add_argument("--pages", type=int, default=150, help="about how many pages to take (default: %(default)s)")
    parser.add_argument("--text", type=Path, nargs="*", help="text for generated pages in the held-out fonts")
    parser.add_argument("--fonts", type=Path, nargs="*", help="font files or folders (default: the system's)")
    parser.add_argument(
        "--pairs",
        type=Path,
        default=Path(__file__).with_name("evaluation") / "pairs.txt",
        help="list of triples: a word, a related one, an unrelated one (default: the one kept here)",
    )
    parser.add_argument(
        "--questions", type=Path, help="questions over the files: document, page, kind, question a line"
    )
    parser.add_argument(
        "--group", nargs="+", action="append", default=[], metavar=("NAME", "FILE"),
        help="further PDFs, such as those in one language: pointing and phrases are measured for each group",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of which pages, words and phrases (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: one a core)")
    parser.add_argument("--json", type=Path, help="write every figure here")
    parser.add_argument("--write-reading", action="store_true", help="write reading.json beside the checkpoint")
    parser.set_defaults(run=evaluate)


def evaluate(arguments: argparse.Namespace) -> None:
    import torch

    from colpali_demo import load_encoder
    from colpali_demo.training.corpus.fonts import FONT_FOLDERS
    from colpali_demo.training.evaluation.evaluate import evaluate, save, table

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    encoder = load_encoder(arguments.model)
    result = evaluate(
        encoder,
        arguments.files,
        pages=arguments.pages,
        seed=arguments.seed,
        text=arguments.text,
        pairs=arguments.pairs,
        fonts=arguments.fonts or FONT_FOLDERS,
        questions=arguments.questions,
        groups={name: [Path(file) for file in files] for name, *files in arguments.group},
    )
    print(table(result))
    save(result, arguments.json, encoder.checkpoint.folder if arguments.write_reading else None)


def calibrate_weak_matches(arguments: argparse.Namespace) -> None:
    from colpali_demo import load_encoder
    from colpali_demo.encoder import calibrate

    calibrate(load_encoder(str(arguments.folder))).save(arguments.folder / "calibration.json")


if __name__ == "__main__":
    main()
