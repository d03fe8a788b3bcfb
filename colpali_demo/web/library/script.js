// The library. Gradio runs this text, after that of shared/dom.js, as the body of a function (element, trigger, props,
// server, upload, watch).
// File names and error messages only ever become text nodes.

function seconds(value) {
  if (value < 90) return `${Math.max(1, Math.round(value))} s left`;
  return `${Math.round(value / 60)} min left`;
}

function progressText(progress) {
  if (progress.stopping) return "Stopping after this page; what is done stays.";
  if (progress.note) return progress.note;
  const parts = [progress.source];
  parts.push(progress.total ? `${progress.done} of ${plural(progress.total, "page")}` : plural(progress.done, "page"));
  if (progress.rate) parts.push(`${progress.rate < 10 ? progress.rate.toFixed(1) : Math.round(progress.rate)} pages/s`);
  if (progress.left !== null && progress.left !== undefined) parts.push(seconds(progress.left));
  return parts.join(" · ");
}

let version = -1;
let shownErrors = "";
const rows = new Map(); // document -> its line; kept, since a button replaced under the pointer would lose its click

function row(entry) {
  if (!rows.has(entry.document)) {
    const remove = () => trigger("remove_document", { document: entry.document });
    rows.set(
      entry.document,
      node(
        "li",
        { "data-document": entry.document },
        node("span", { class: "name", title: entry.source }, entry.source),
        node("span", { class: "pages" }),
        node(
          "button",
          { type: "button", class: "remove", "aria-label": `Remove ${entry.source}`, onclick: remove },
          "×",
        ),
      ),
    );
  }
  const line = rows.get(entry.document);
  line.querySelector(".pages").textContent =
    entry.pages < entry.of ? `${entry.pages} of ${plural(entry.of, "page")}` : plural(entry.pages, "page");
  return line;
}

function load() {
  const value = props.value || {};
  if (value.version < version) return; // an older answer that came late
  version = value.version ?? version;
  const documents = value.documents || [];
  const pages = documents.reduce((total, entry) => total + entry.pages, 0);
  part("title").textContent = documents.length ? `Searching ${plural(pages, "page")}` : "No pages yet";
  part("clear").hidden = documents.length < 2;
  const lines = documents.map(row);
  const list = part("documents");
  if (lines.length !== list.children.length || lines.some((line, at) => line !== list.children[at]))
    list.replaceChildren(...lines);
  const progress = value.progress;
  part("progress").hidden = !progress;
  if (progress) {
    part("progress-text").textContent = progressText(progress);
    part("cancel").hidden = Boolean(progress.stopping) || progress.cancel === false;
    const bar = part("bar");
    if (progress.total) bar.value = progress.done / progress.total;
    else bar.removeAttribute("value");
  }
  const errors = value.errors || [];
  part("failed").hidden = !errors.length;
  if (JSON.stringify(errors) !== shownErrors)
    part("errors").replaceChildren(
      ...errors.map((error) =>
        node(
          "p",
          { "data-code": error.code },
          node("b", {}, error.page ? `${error.source}, page ${error.page}` : error.source),
          ` ${error.message}`,
        ),
      ),
    );
  shownErrors = JSON.stringify(errors); // announced once, not with every page
  element.dataset.state = progress ? "busy" : "idle";
}

part("clear").addEventListener("click", () => trigger("clear_all", {}));
part("dismiss").addEventListener("click", () => trigger("dismiss_errors", {}));
part("cancel").addEventListener("click", () => {
  part("progress-text").textContent = "Stopping after this page; what is done stays.";
  part("cancel").hidden = true;
  trigger("cancel_indexing", {});
});

watch("value", load);
load();
