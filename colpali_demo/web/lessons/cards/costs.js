// Card 10: memory and time, computed and measured, beside the paper's.

import { node } from "../../shared/dom.js";
import { count, megabytes, plural, shown } from "../../shared/text.js";
import { fine, output, text } from "../parts.js";

export const costs = {
  id: "costs",
  about: "costs",
  short: "Costs",
  title: (study) => "What it costs",
  idea: (study) => `One vector a page would be ${count(study.value.costs.single_bytes)} bytes. This page has ${count(study.page.vectors)} vectors: precision is paid for in memory, and in time at every search.`,
  build(body, study, kit) {
    const { value } = study;
    const page = study.page;
    const { bytes: sizes, single_bytes: single } = value.costs;
    const { paper, measured } = value;
    const half = sizes.find(({ bits }) => bits === 16).bytes;
    let pages = 4; // power of ten
    const table = node("tbody", {});
    const amount = node("b", {});
    const draw = () => {
      amount.textContent = plural(10 ** pages, "page");
      table.replaceChildren(
        ...[...sizes, { name: "one vector, float16", bits: 16, bytes: single }].map((size) => {
          const bar = node("i", {});
          bar.style.width = `${(100 * size.bytes) / sizes[0].bytes}%`;
          return node("tr", {}, node("th", { scope: "row" }, size.name), node("td", { class: "bar" }, bar), node("td", {}, output(`bytes-${size.name}`, count(size.bytes))), node("td", {}, megabytes(size.bytes * 10 ** pages)));
        }),
      );
    };
    const range = node("input", { type: "range", min: 0, max: 7, step: 1, value: pages, "aria-label": "Pages, in powers of ten" });
    range.addEventListener("input", () => {
      pages = Number(range.value);
      draw();
    });
    draw();
    const ms = (number) => (number >= 100 ? `${shown(number, 0)} ms` : number >= 1 ? `${shown(number, 1)} ms` : `${shown(number, 3)} ms`);
    const times = measured
      ? [
          ["embed this page, once", measured.page, `${paper.latency_ms.page} ms`],
          ["embed the query", measured.query, `${paper.latency_ms.query} ms`],
          [`score ${plural(measured.pages, "page")}`, measured.score, `${paper.latency_ms.score_of_1000_pages} ms for 1,000`],
        ]
      : [];
    const button = node(
      "button",
      {
        type: "button",
        class: "play",
        onclick: () => {
          button.disabled = true;
          button.textContent = "Measuring …";
          kit.measure();
          window.setTimeout(() => Object.assign(button, { disabled: false, textContent: "Measure again" }), 30000);
        },
      },
      measured ? "Measure again" : "Measure on this machine",
    );
    const guess = [["The picture, a JPEG", page.file_bytes > half], ["Its vectors in 16 bits", half >= page.file_bytes]];
    body.append(
      node(
        "div",
        { class: "split even" },
        node(
          "div",
          { class: "visual" },
          kit.question("bytes", "Which takes more room: the picture of this page, or its vectors?", guess, () => `The JPEG has ${megabytes(page.file_bytes)}, the vectors ${megabytes(half)}: ${page.vectors} × ${page.dim} numbers × 2 bytes.`),
          node("h3", {}, "Memory"),
          node("table", { class: "sizes" }, node("thead", {}, node("tr", {}, node("th", { scope: "col" }, "precision"), node("td"), node("th", { scope: "col" }, "bytes a page"), node("th", { scope: "col" }, amount))), table),
          node("label", { class: "amount" }, "pages ", range),
          fine(`The paper: ${shown(paper.bytes_16_bit / 1024, 1)} KiB a page in 16 bits. Pooling ${paper.pooling.factor} vectors into one keeps ${paper.pooling.kept} % of its performance with a third of the memory.`),
        ),
        node(
          "div",
          { class: "words" },
          node("h3", {}, "Time"),
          button,
          measured
            ? node(
                "table",
                { class: "times" },
                node("thead", {}, node("tr", {}, node("td"), node("th", { scope: "col" }, `measured just now, ${measured.device}`), node("th", { scope: "col" }, "the paper, on a GPU"))),
                node("tbody", {}, ...times.map(([name, number, theirs]) => node("tr", {}, node("th", { scope: "row" }, name), node("td", {}, output(name.split(" ")[0] === "embed" ? `ms-${name.includes("query") ? "query" : "page"}` : "ms-score", ms(number))), node("td", {}, theirs)))),
              )
            : text("Embedding a page happens once, when it is added. Embedding the query and scoring all pages happen at every search."),
          text("Late interaction is late: pages are embedded before anybody asks. What remains for the search is one matrix product a page."),
          fine(`The ColPali paper, with another model on another machine: ${paper.latency_ms.page} ms to embed a page, ${paper.latency_ms.query} ms to embed a query, ${paper.latency_ms.score_of_1000_pages} ms to score 1,000 pages.`),
        ),
      ),
    );
  },
};
