// The library: documents, how far indexing is, what could not be read. File names and error messages only ever become
// text nodes.

import { bar, node, partsOf } from "../shared/dom.js";
import { LIBRARY } from "../shared/events.js";
import { plural } from "../shared/text.js";
import { searchedOf } from "../shelf/summary.js";
import { limitText, sorted } from "./limits.js";
import { progressText, STOPPING } from "./progress.js";

export function mount({ element, trigger, props, watch }) {
  const part = partsOf(element);
  const rows = new Map(); // document -> its line; kept, since a button replaced under the pointer would lose its click
  let version = -1;

  function row(entry) {
    if (!rows.has(entry.document)) rows.set(entry.document, documentLine(entry, trigger));
    const line = rows.get(entry.document);
    line.querySelector(".pages").textContent =
      entry.pages < entry.of ? `${entry.pages} of ${plural(entry.of, "page")}` : plural(entry.pages, "page");
    return line;
  }

  function drawDocuments(documents) {
    const searched = searchedOf(documents);
    const pages = searched.reduce((total, entry) => total + entry.pages, 0);
    part("title").textContent = documents.length ? `Searching ${plural(pages, "page")}` : "No pages yet";
    part("clear").hidden = documents.length < 2;
    part("all").hidden = searched.length === documents.length;
    const lines = documents.map(row);
    documents.forEach((entry, at) => {
      mark(lines[at], entry, searched);
    });
    const list = part("documents");
    if (lines.length !== list.children.length || lines.some((line, at) => line !== list.children[at]))
      list.replaceChildren(...lines);
  }

  function drawProgress(progress) {
    part("progress").hidden = !progress;
    if (!progress) return;
    part("progress-text").textContent = progressText(progress);
    part("cancel").hidden = Boolean(progress.stopping) || progress.cancel === false;
    const bar = part("bar");
    if (progress.total) bar.value = progress.done / progress.total;
    else bar.removeAttribute("value");
  }

  const drawErrors = errorDrawer(part);

  function load() {
    const value = props.value || {};
    if (value.version < version) return; // an older answer that came late
    version = value.version ?? version;
    drawDocuments(value.documents || []);
    drawProgress(value.progress);
    drawErrors(value.errors || [], value.documents || []);
    element.dataset.state = value.progress ? "busy" : "idle";
    const { documents = [], progress = null } = value;
    document.dispatchEvent(new CustomEvent(LIBRARY, { detail: { documents, progress } }));
  }

  part("all").addEventListener("click", () => trigger("choose_documents", { which: "all", document: "" }));
  part("clear").addEventListener("click", () => trigger("clear_all", {}));
  part("understood").addEventListener("click", () => trigger("dismiss_errors", {}));
  part("dismiss").addEventListener("click", () => trigger("dismiss_errors", {}));
  part("cancel").addEventListener("click", () => {
    part("progress-text").textContent = STOPPING;
    part("cancel").hidden = true;
    trigger("cancel_indexing", {});
  });
  watch("value", load);
  load();
}

function documentLine(entry, trigger) {
  const onclick = () => trigger("remove_document", { document: entry.document });
  const choose = (which) => trigger("choose_documents", { which, document: entry.document });
  const box = node("input", {
    type: "checkbox",
    "aria-label": `Search ${entry.source}`,
    onchange: (event) => choose(event.target.checked ? "with" : "without"),
  });
  return node(
    "li",
    { "data-document": entry.document },
    box,
    node("span", { class: "name", title: entry.source }, entry.source),
    node("button", { type: "button", class: "link only", onclick: () => choose("only") }, "only"),
    node("span", { class: "pages" }),
    node("button", { type: "button", class: "remove", "aria-label": `Remove ${entry.source}`, onclick }, "×"),
  );
}

/** Tick the documents that are searched; the last of them cannot be unticked. */
function mark(line, { searched }, all) {
  const box = line.querySelector("input");
  const on = searched !== false;
  box.checked = on;
  bar(box, on && all.length === 1 ? "One document has to be searched" : null);
  line.querySelector(".only").hidden = on && all.length === 1;
}

function errorLine(error) {
  const about = error.page ? `${error.source}, page ${error.page}` : error.source;
  return node("p", { "data-code": error.code }, node("b", {}, about), ` ${error.message}`);
}

/** A function that shows what could not be read, and what is in up to a limit only. */
function errorDrawer(part) {
  let shown = "";
  return (errors, documents) => {
    const { limits, failures } = sorted(errors);
    part("failed").hidden = !failures.length;
    part("left-out").hidden = !limits.length;
    if (JSON.stringify(errors) === shown) return; // announced once, not with every page
    shown = JSON.stringify(errors);
    part("errors").replaceChildren(...failures.map(errorLine));
    const told = limits.map((error) => ({ ...error, message: limitText(error, documents) }));
    part("limits").replaceChildren(...told.map(errorLine));
  };
}
