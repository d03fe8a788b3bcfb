// Erasing, and looking again: what may be erased of the page on show, what was, and the way back.
//
// The server fills it with the background around, embeds the page anew and sends the page as it is then.

import { bar, node } from "../shared/dom.js";
import { ERASED } from "../shared/events.js";
import { listed, quoted, shown, signed } from "../shared/text.js";
import { nearestWord } from "../shared/words.js";
import { Boxing } from "./boxing.js";

const WAYS = ["winner", "word", "hot", "rest", "box"];
const OFFLINE = "A file has no model to embed the page anew";
const LOADING = "The model is still loading";
const PRECOMPUTED = "This set was computed beforehand: no model is here to embed the page anew";
const WINNER = "Its patch and those around it, 3 × 3: what the margin leaves out";
const AWAY = "The best match is off the image";
const NO_WORD = "The page’s text layer has no word there";
const STARTED = "Reset first: everything but the hottest patches can only be erased of a whole page";
const ENDED = "Everything but some patches is erased already: undo it first";
const INVITATION = "Fill it with the background, embed the page anew, and see what the score loses.";
const BOXING =
  "Drag over the page, or click a patch. By keyboard: arrows move, with Shift they stretch, Enter erases, Esc ends.";
const EMBEDDING = "Embedding the page anew …";

export class Erasing {
  constructor(lens, stages) {
    this.lens = lens;
    this.open = false;
    this.busy = false;
    this.asked = null; // which control was used last
    const [first] = stages.both;
    this.boxing = new Boxing(lens, first, {
      chosen: (box) => this.ask("box", { box }),
      left: () => {
        this.draw();
        this.focus("box");
      },
    });
    this.controls = new Map(WAYS.map((id) => [id, this.button(id, () => this.use(id))]));
    lens.part("erase-choices").append(...this.controls.values());
    lens.part("erase").addEventListener("click", () => this.toggle());
    // The focus stays where it is, so that what is pinned on the page stays pinned.
    lens.part("erasing").addEventListener("mousedown", (event) => event.preventDefault());
    document.addEventListener(ERASED, () => this.settle());
  }

  toggle() {
    this.open = !this.open;
    this.boxing.end();
    this.build();
  }

  /** Why nothing can be erased here, or null. */
  get barred() {
    const { state, props } = this.lens;
    const { value } = state.found;
    if (props.offline) return OFFLINE;
    if (value.opening) return LOADING;
    return value.model.precomputed ? PRECOMPUTED : null;
  }

  arrive() {
    this.busy = false;
    this.boxing.end();
  }

  build() {
    const { part, state } = this.lens;
    const { barred } = this;
    const { erased } = state.entryOf(state.key);
    const open = this.open && !barred;
    bar(part("erase"), barred);
    part("erase").setAttribute("aria-expanded", open);
    part("erasing").hidden = !open && !erased;
    part("erasing").setAttribute("aria-busy", this.busy);
    part("erased").replaceChildren(...(erased ? this.strip(erased, barred) : []));
    part("erase-choices").hidden = !open;
    this.draw();
    this.focusAgain();
  }

  show() {
    if (this.open) this.draw();
    this.focusAgain();
    if (!this.busy) this.asked = null;
  }

  point() {
    this.boxing.point();
    if (this.open && !this.boxing.on) this.draw();
  }

  count() {
    this.build();
  }

  /** What can be erased, and a line about it. */
  draw() {
    if (this.open && !this.barred) this.drawChoices();
    this.lens.part("erase-note").textContent = this.note();
  }

  note() {
    if (this.busy) return EMBEDDING;
    if (this.boxing.on) return BOXING;
    const { state } = this.lens;
    return this.open && !this.barred && !state.entryOf(state.key).erased ? INVITATION : "";
  }

  // -------------------------------------------------------------------------------------------- what was erased

  /** What was erased, what became of the score, and the way back. */
  strip({ text }, barred) {
    const { state } = this.lens;
    const { counted, key } = state;
    const [before, after] = [state.found.sumWhole(key, counted), state.scoreOf(key)];
    const [rank, now] = [state.rankWhole(key), state.ranked(key).rank];
    const ranks = rank === now ? `still rank ${rank}` : `rank ${rank} → ${now}`;
    const back = (what, name) => {
      const made = this.button(what, () => this.ask(what), name);
      bar(made, this.busy ? EMBEDDING : null);
      return made;
    };
    return [
      node("span", { class: "erased-label" }, `${text}.`),
      node(
        "span",
        { class: "erased-score" },
        `Score ${shown(before, 2)} → `,
        node("b", {}, shown(after, 2)),
        ` (${signed(after - before, 2)}), ${ranks} of ${state.ranking.length}`,
      ),
      ...(barred ? [] : [back("undo", "Undo"), back("reset", "Reset")]),
    ];
  }

  // -------------------------------------------------------------------------------------------- what can be erased

  /** The items that the choices are about: those pinned, or the word with the largest lead. */
  targets() {
    const { state } = this.lens;
    if (state.pins.length) return state.pins.map((id) => state.itemOf(id));
    const offered = state.offered();
    return offered ? [offered] : [];
  }

  /** The indices of their tokens. */
  get tokens() {
    return this.targets().flatMap((item) => item.tokens);
  }

  /** The word of the page under the patch that is pinned, or else where the best of the targets was found. */
  get word() {
    const { patch, key } = this.lens.state;
    const { entry } = this.lens.state.mapsOf(key);
    const pinned = patch?.side === 0 && patch.pinned ? [[patch.row, patch.col]] : null;
    return nearestWord(entry, pinned ?? strongest(this.tokens, entry));
  }

  drawChoices() {
    const { state, props } = this.lens;
    const { tokens, erased } = state.entryOf(state.key);
    const { word } = this;
    const ended = erased?.inverted ? ENDED : null;
    const names = listed(this.targets().map((item) => item.name));
    const away = this.tokens.some((token) => tokens[token].cells.length) ? null : AWAY;
    const hot = `the ${props.hot_patches} patches whose cosine with ${names} is highest`;
    this.name("winner", `Winner of ${names}`, ended ?? away, WINNER);
    this.name("word", word ? `Word ${quoted(word[0])}` : "Word", ended ?? (word ? null : NO_WORD));
    this.name("hot", `${props.hot_patches} hottest patches`, ended, `Erases ${hot}`);
    this.name("rest", "All but those", ended ?? (erased ? STARTED : null), `Erases everything but ${hot}`);
    this.name("box", "Draw a box", ended);
  }

  name(id, text, reason, title = "") {
    const control = this.controls.get(id);
    control.textContent = text;
    control.dataset.title = title;
    control.title = title;
    bar(control, this.busy ? EMBEDDING : reason);
  }

  button(id, onclick, name = "") {
    return node("button", { type: "button", "data-erase": id, onclick }, name);
  }

  use(id) {
    if (id === "box") this.beginBox();
    else if (id === "word") this.ask(id, { box: this.word.slice(1) });
    else this.ask(id, { tokens: this.tokens });
  }

  beginBox() {
    this.boxing.begin();
    this.draw();
  }

  /** Put the focus on a control, or where it is off or gone, on the button that opens them. */
  focus(id) {
    const control = this.lens.part("erasing").querySelector(`[data-erase="${id}"]:not(:disabled)`);
    (control ?? this.lens.part("erase")).focus({ preventScroll: true });
  }

  // -------------------------------------------------------------------------------------------- the server

  ask(what, { tokens = [], box = [] } = {}) {
    if (this.busy) return;
    const { state } = this.lens;
    this.busy = true;
    this.asked = what;
    this.build();
    this.lens.trigger("erase", {
      key: state.key,
      search: state.found.value.search,
      what: what === "word" ? "box" : what,
      tokens: tokens.join(","),
      box: box.join(","),
    });
  }

  /** The server has answered, or refused; the answer may still be on its way. */
  settle() {
    if (!this.busy || !this.lens.state.found) return;
    this.busy = false;
    this.build();
  }

  /** Back to the control that was used, which was off meanwhile. */
  focusAgain() {
    if (this.asked && !this.busy && document.activeElement === document.body) this.focus(this.asked);
  }
}

/** The cells of the winner of the token that found most there; none where all are off the image. */
function strongest(tokens, entry) {
  const lines = tokens.map((token) => entry.tokens[token]).filter(({ cells }) => cells.length);
  return lines.length ? lines.reduce((top, line) => (line.maxsim > top.maxsim ? line : top)).cells : [];
}
