#!/bin/sh
# The whole recipe of colpali-tiny, from packages of Debian 12 to a checkpoint and its figures.
#
#     sh colpali_demo/training/runs/colpali-tiny.sh FOLDER [ELSEWHERE]
#
# FOLDER takes 15 GB. ELSEWHERE holds the documents of evaluation/held_out/elsewhere.tsv; without it they are not measured.
# Each step is skipped where its result is there, and a run goes on from its last state: start the script again after a
# stop. On two cores 60,000 pages take about a day. The checkpoint that is bundled grew in fourteen runs with changes on the
# way, which the lab book (assets/colpali-tiny/TRAINING.md) tells of: this is the straight road to one like it.
set -eu
folder=$1
elsewhere=${2:-}
python=${PYTHON:-.venv/bin/python}
training="$python -m colpali_demo.training"
mkdir -p "$folder"

$python -m pip install --quiet --disable-pip-version-check -r requirements-training.txt

# 1. Documents, text and fonts; what is held out, first.
[ -d "$folder/held_out" ] || $training held-out "$folder/held_out" ${elsewhere:+--elsewhere "$elsewhere"}
[ -d "$folder/data/text" ] || $training debian "$folder/data"

# 2. The tokenizer, and what a text model makes of frequent words.
[ -d "$folder/processor" ] || $training tokenizer "$folder/data/text" "$folder/processor"
[ -f "$folder/words.npz" ] || $training words "$folder/words.npz"

# 3. Reading: the tower alone, then the whole model on one page after the other.
$training pretrain "$folder/reading" \
    --text "$folder/data/text" --fonts "$folder/data/fonts" --pdfs "$folder/data/documents" --pdf-share 0.35 \
    --processor "$folder/processor" --counts "$folder/processor/word_counts.json" --words "$folder/words.npz" \
    --pages 60000 --dense-pages 9000 --decay-pages 6000 --queries 24 --learning-rate 5e-4 --reuse 1 \
    --weight-token 2 --weight-grid 0.5 --weight-cell 0.5 --weight-patch-to-row 9 --weight-query-to-row 3

# 4. Questions: pages are embedded once, and the queries learn. Settings are those of run 14.
[ -d "$folder/features" ] || $training features "$folder/features" --model "$folder/reading/checkpoint" \
    --text "$folder/data/text" --fonts "$folder/data/fonts" --pdfs "$folder/data/documents" --pdf-share 0.7 --groups 240
$training pretrain "$folder/questions" --start "$folder/reading/checkpoint" --features "$folder/features" \
    --processor "$folder/processor" --counts "$folder/processor/word_counts.json" --words "$folder/words.npz" \
    --pages 8000 --dense-pages 0 --warmup-pages 240 --decay-pages 4000 --queries 6 --questions 8 --learning-rate 6e-4 \
    --weight-token 2 --weight-page 1 --weight-function 0.03 --weight-query-to-row 3 --weight-meaning 0.15 \
    --weight-meaning-in-table 0.4 --ema 0.99
$training calibrate "$folder/questions/checkpoint"
$training curves "$folder/questions" "$folder/curves.png"

# 5. The figures of the card.
$training evaluate "$folder"/data/held_out/*.pdf --model "$folder/questions/checkpoint" --json "$folder/figures.json" \
    --text "$folder/data/held_out_text" --fonts "$folder/data/fonts" \
    --group German "$folder"/held_out/languages/*.de.pdf --group French "$folder"/held_out/languages/*.fr.pdf \
    --group Spanish "$folder"/held_out/languages/*.es.pdf --group Italian "$folder"/held_out/languages/*.it.pdf \
    --group Portuguese "$folder"/held_out/languages/*.pt.pdf --group Dutch "$folder"/held_out/languages/*.nl.pdf
if [ -n "$elsewhere" ]; then
    $training evaluate "$elsewhere"/*.pdf --model "$folder/questions/checkpoint" --json "$folder/elsewhere.json" \
        --questions colpali_demo/training/evaluation/held_out/questions.tsv
fi
