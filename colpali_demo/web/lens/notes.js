// Notes above the page: what to know of this search before believing it.

import { node } from "../shared/dom.js";
import { quoted } from "../shared/text.js";
import { languageNote } from "./language.js";

export class Notes {
  constructor(lens) {
    this.lens = lens;
  }

  arrive() {
    this.lens
      .part("notes")
      .replaceChildren(
        ...notesOf(this.lens.state.found.value).map(([title, text, kind]) =>
          node("p", { class: `note ${kind || ""}` }, node("b", {}, title), ` ${text}`),
        ),
      );
  }
}

/** [title, text, kind] each; kind "quiet" for what is no warning. */
function notesOf({ strength, query, model, opening }) {
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
  if (strength?.weak) notes.push(["Weak match", strength.sentence.replace(/^Weak match: t/, "T")]);
  return notes;
}
