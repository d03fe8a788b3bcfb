// Card 10: memory and time, computed and measured, beside the paper's.

import { node } from "../../shared/dom.js";
import { count, megabytes, plural, shown } from "../../shared/text.js";
import { columnHead, fine, output, rowHead, text } from "../parts.js";

const MOST_PAGES = 7; // as a power of ten
const FIRST_PAGES = 4;
const MEASURING_MS = 30_000; // milliseconds until the button can be pressed again where no answer came

export const costs = {
  id: "costs",
  about: "costs",
  short: "Costs",
  keep: "Many vectors a page cost memory and time: pages are embedded once, and every search compares them all.",
  title: () => "What it costs",
  idea: (study) =>
    `One vector a page would be ${count(study.value.costs.single_bytes)} bytes. This page has ` +
    `${count(study.page.vectors)} vectors: precision is paid for in memory, and in time at every search.`,
  build(body, study, kit) {
    body.append(
      node(
        "div",
        { class: "columns" },
        node("div", { class: "visual" }, askBytes(study, kit), node("h3", {}, "Memory"), ...memory(study)),
        node("div", { class: "words" }, node("h3", {}, "Time"), ...time(study, kit)),
      ),
    );
  },
};

function askBytes({ page, value }, kit) {
  const half = value.costs.bytes.find(({ name }) => name === "float16").bytes;
  const choices = [
    ["The picture, a JPEG", page.file_bytes > half],
    ["Its vectors in 16 bits", half >= page.file_bytes],
  ];
  return kit.question(
    "bytes",
    "Which takes more room: the picture of this page, or its vectors?",
    choices,
    () =>
      `The JPEG has ${megabytes(page.file_bytes)}, the vectors ${megabytes(half)}: ` +
      `${page.vectors} × ${page.dim} numbers × 2 bytes.`,
  );
}

/** The table of what precisions take, for as many pages as a slider says. */
function memory({
  value: {
    costs: { bytes, single_bytes: single },
    paper,
  },
}) {
  const sizes = [...bytes, { name: "one vector, float16", bytes: single }];
  const rows = node("tbody", {});
  const amount = node("b", {});
  const draw = (pages) => {
    amount.textContent = plural(pages, "page");
    rows.replaceChildren(...sizes.map((size) => sizeRow(size, bytes[0].bytes, pages)));
  };
  const range = node("input", {
    type: "range",
    min: 0,
    max: MOST_PAGES,
    step: 1,
    value: FIRST_PAGES,
    "aria-label": "Pages, in powers of ten",
    oninput: () => draw(10 ** Number(range.value)),
  });
  draw(10 ** FIRST_PAGES);
  const heads = [columnHead("precision"), node("td"), columnHead("bytes a page"), columnHead(amount)];
  return [
    node("table", { class: "sizes" }, node("thead", {}, node("tr", {}, ...heads)), rows),
    node("label", { class: "amount" }, "pages ", range),
    fine(
      `The paper: ${shown(paper.bytes_16_bit / 1024, 1)} KiB a page in 16 bits. Pooling ${paper.pooling.factor} ` +
        `vectors into one keeps ${paper.pooling.kept} % of its performance with a third of the memory.`,
    ),
  ];
}

function sizeRow({ name, bytes }, largest, pages) {
  const bar = node("i", {});
  bar.style.width = `${(100 * bytes) / largest}%`;
  return node(
    "tr",
    {},
    rowHead(name),
    node("td", { class: "bar" }, bar),
    node("td", {}, output(`bytes-${name}`, count(bytes))),
    node("td", {}, megabytes(bytes * pages)),
  );
}

function time({ value: { paper, measured } }, kit) {
  const { page, query, score_of_1000_pages: score } = paper.latency_ms;
  return [
    measureButton(measured, kit),
    measured
      ? timesTable(measured, paper.latency_ms)
      : text(
          "Embedding a page happens once, when it is added. Embedding the query and scoring all pages happen at " +
            "every search.",
        ),
    text(
      "Late interaction is late: pages are embedded before anybody asks. What remains for the search is one matrix " +
        "product a page.",
    ),
    fine(
      `The ColPali paper, with another model on another machine: ${page} ms to embed a page, ${query} ms to embed a ` +
        `query, ${score} ms to score 1,000 pages.`,
    ),
  ];
}

function measureButton(measured, kit) {
  const button = node(
    "button",
    {
      type: "button",
      class: "play",
      onclick: () => {
        Object.assign(button, { disabled: true, textContent: "Measuring …" });
        kit.measure();
        const again = { disabled: false, textContent: "Measure again" };
        window.setTimeout(() => Object.assign(button, again), MEASURING_MS);
      },
    },
    measured ? "Measure again" : "Measure on this machine",
  );
  return button;
}

/** What this machine takes, beside the paper's. */
function timesTable(measured, paper) {
  const row = (id, name, number, theirs) =>
    node("tr", {}, rowHead(name), node("td", {}, output(`ms-${id}`, milliseconds(number))), node("td", {}, theirs));
  const heads = [node("td"), columnHead(`measured just now, ${measured.device}`), columnHead("the paper, on a GPU")];
  const score = `score ${plural(measured.pages, "page")}`;
  return node(
    "table",
    { class: "times" },
    node("thead", {}, node("tr", {}, ...heads)),
    node(
      "tbody",
      {},
      row("page", "embed this page, once", measured.page, `${paper.page} ms`),
      row("query", "embed the query", measured.query, `${paper.query} ms`),
      row("score", score, measured.score, `${paper.score_of_1000_pages} ms for 1,000`),
    ),
  );
}

function milliseconds(number) {
  const digits = number >= 100 ? 0 : number >= 1 ? 1 : 3;
  return `${shown(number, digits)} ms`;
}
