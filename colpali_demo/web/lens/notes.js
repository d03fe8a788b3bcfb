// Notes above the page: what to know of this search before believing it.

import { node } from "../shared/dom.js";
import { quoted } from "../shared/text.js";
import { languageNote, pageNote } from "./language.js";

export class Notes {
  constructor(lens) {
    this.lens = lens;
  }

  arrive() {
    this.told = null; // notes are told once a search, not with every page
  }

  build() {
    const { found, key } = this.lens.state;
    const told = notesOf(found.value, this.lens.state.entryOf(key));
    const text = JSON.stringify(told);
    if (this.told === text) return;
    this.told = text;
    this.lens
      .part("notes")
      .replaceChildren(
        ...told.map(([title, text, kind]) =>
          node("p", { class: `note ${kind || ""}` }, node("b", {}, title), ` ${text}`),
        ),
      );
  }
}

/** [title, text, kind] each; kind "quiet" for what is no warning. */
function notesOf({ strength, query, model, opening }, page) {
  const notes = [];
  if (opening) notes.push(["Computed beforehand", opening, "quiet"]);
  if (model.reads.level !== "reads") notes.push([model.name, model.reads.sentence, "quiet"]);
  if (query.unknown.length)
    notes.push([
      "Unknown words",
      `This checkpoint’s vocabulary has no piece of ${query.unknown.map(quoted).join(", ")}. ` +
        "Those tokens still score, because every token must, but their maps mean nothing.",
    ]);
  const language = languageNote(query);
  if (language) notes.push(["Another language?", language]);
  const foreign = pageNote(page.vocabulary);
  if (foreign) notes.push(["A page in another language?", foreign]);
  if (strength?.weak) notes.push(["Weak match", strength.sentence.replace(/^Weak match: t/, "T")]);
  return notes;
}
