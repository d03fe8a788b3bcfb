// The shelf: what is searched, in a line; samples, upload and library fold below it. Files may be dropped or pasted
// anywhere on the page, and whoever leaves with documents of their own is asked first.

import { progressText } from "../library/progress.js";
import { mend, partsOf } from "../shared/dom.js";
import { ASKED, LIBRARY } from "../shared/events.js";
import { isCut, summaryOf } from "./summary.js";

const EMPTY = "Type what you are looking for first.";

export function mount({ element, props }) {
  const part = partsOf(element);
  const panel = () => document.getElementById(props.panel);
  const box = () => document.querySelector(`#${props.query_box} :is(input, textarea)`);
  let library = { documents: [], progress: null };

  function fold(folded) {
    panel()?.classList.toggle("folded", folded);
    mend(part("toggle"), "aria-expanded", String(!folded));
    part("more").textContent = folded ? "Change, or add your own" : "Fold";
  }

  function draw() {
    const { documents, progress } = library;
    part("what").textContent = progress ? progressText(progress) : summaryOf(documents);
  }

  function say(text) {
    part("note").textContent = text;
  }

  part("toggle").addEventListener("click", () => fold(!panel()?.classList.contains("folded")));
  document.addEventListener(LIBRARY, (event) => {
    library = event.detail;
    draw();
  });
  document.addEventListener(ASKED, ({ detail }) => {
    if (detail.text.trim()) {
      say("");
      fold(true);
    } else {
      say(EMPTY);
      box()?.focus();
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (library.documents.some((entry) => entry.sample === null)) event.preventDefault();
  });
  takeFiles({ drop: part("drop"), upload: props.upload_box, open: () => fold(false) });
  noteCut({ box, limit: props.max_query_chars, say });
  mend(part("toggle"), "aria-controls", props.panel);
  fold(false);
  draw();
}

/** Take files that are dropped or pasted anywhere to the upload box. */
function takeFiles({ drop, upload, open }) {
  const hasFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  const show = (shown) => {
    drop.hidden = !shown;
  };

  function give(files) {
    const input = document.querySelector(`#${upload} input[type=file]`);
    if (!files.length || !input) return;
    open();
    const given = new DataTransfer();
    for (const file of files) given.items.add(file);
    input.files = given.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault(); // else the browser would open what is dropped, and leave the page
    show(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) show(false);
  });
  document.addEventListener(
    "drop",
    (event) => {
      show(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.stopPropagation(); // the upload box itself would take them once more
      give([...event.dataTransfer.files]);
    },
    { capture: true },
  );
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files || [])];
    if (!files.length || event.target.closest?.("input, textarea")) return;
    event.preventDefault();
    give(files);
  });
}

/** Say when the query box cuts what is pasted, or a link asked for more than it takes. */
function noteCut({ box, limit, say }) {
  const text = `A query may have ${limit} characters: the rest was cut off.`;
  document.addEventListener("paste", (event) => {
    const input = box();
    if (event.target !== input) return;
    const selected = input.selectionEnd - input.selectionStart;
    const pasted = event.clipboardData?.getData("text") || "";
    say(isCut(input.value.length - selected + pasted.length, limit) ? text : "");
  });
  document.addEventListener("input", (event) => {
    if (event.target === box() && event.inputType !== "insertFromPaste") say("");
  });
  const linked = new URLSearchParams(window.location.search).get("q") || "";
  if (isCut(linked.trim().length, limit)) say(text);
}
