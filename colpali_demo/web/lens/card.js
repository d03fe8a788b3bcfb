// The card beside the patch under the pointer: its numbers for what is on show, and its words.

import { holds } from "../shared/cells.js";
import { node } from "../shared/dom.js";
import { count, shown, signed } from "../shared/text.js";
import { spoken } from "../shared/tokens.js";
import { wordsUnder } from "../shared/words.js";

const FEW = 6; // tokens on a card that is not pinned
const MANY_WORDS = 12;

const isAdded = (token) => token.kind !== "word";

export class PatchCard {
  constructor(lens, owner) {
    this.lens = lens;
    this.owner = owner;
    this.element = node("div", { class: "card", role: "status", hidden: true });
    owner.stage.frame.append(this.element);
  }

  /** Put the cursor on the patch that is pointed at, on both pages, and the card beside it where the pointer is. */
  draw() {
    const { state } = this.lens;
    const { stage, side, maps } = this.owner;
    const mine = state.patch && state.patch.side === side;
    const shownHere = state.patch && (mine || state.other);
    this.element.hidden = !mine;
    if (!shownHere) return stage.point(null);
    const { row, col } = stage.nearest(state.patch.row, state.patch.col);
    stage.point([row, col]);
    if (!mine) return;
    const tokens = this.similarities(maps.cell(row, col));
    this.element.replaceChildren(
      node("p", { class: "card-title" }, `Patch row ${row}, col ${col}`),
      ...this.valueLines(maps.cell(row, col)),
      ...this.winLines(row, col),
      this.tokenList(tokens),
      ...this.noteLines(row, col),
    );
    this.element.classList.toggle("pinned", Boolean(state.patch.pinned));
    this.element.tabIndex = state.patch.pinned && tokens.length > 8 ? 0 : -1;
    this.place(row, col);
  }

  /** What the patch has for what is on show. */
  valueLines(cell) {
    const { state, view } = this.lens;
    const { maps, key } = this.owner;
    if (view.whole) {
      const value = state.placed(key, state.counted)[cell];
      if (!value) return [];
      if (state.by === "lead") {
        const total = signed(state.valueOf(key, state.counted), 2);
        return [node("p", {}, `lead ${signed(value)} of ${total}`)];
      }
      return [node("p", {}, `contributes ${shown(value)} of ${shown(state.scoreOf(key), 2)}`)];
    }
    const minus = maps.background && state.calibrated ? " minus a blank page’s" : "";
    return view.items.map((item) => {
      const values = maps.map(item, state.calibrated);
      const rank = ` · ${count(maps.rankIn(values, cell))} of ${count(maps.cells)} patches`;
      return node("p", {}, `${item.name}${minus} `, node("b", {}, shown(values[cell])), rank);
    });
  }

  winLines(row, col) {
    const { tokens } = this.lens.state;
    const wins = this.owner.maps.entry.tokens.filter((match) => holds(match.cells, row, col));
    if (!wins.length) return [];
    const names = wins.map((match) => spoken(tokens[match.index], tokens)).join(", ");
    return [node("p", { class: "card-win" }, `★ wins ${names}`)];
  }

  /** {token, value} of every token at a cell: those typed first, each kind the highest first. */
  similarities(cell) {
    return this.lens.state.tokens
      .map((token) => ({ token, value: this.owner.maps.at(token.index, cell) }))
      .sort((a, b) => isAdded(a.token) - isAdded(b.token) || b.value - a.value);
  }

  tokenList(sorted) {
    const { patch, tokens } = this.lens.state;
    const values = sorted.map(({ value }) => value);
    const [top, floor] = [Math.max(...values, 1e-6), Math.min(...values, 0)];
    const room = patch.pinned ? sorted.length : FEW;
    const first = patch.pinned ? "" : `, the first ${Math.min(room, sorted.length)}`;
    const line = ({ token, value }) => {
      const bar = node("i");
      bar.style.width = `${(100 * (value - floor)) / (top - floor)}%`;
      return node(
        "dd",
        {},
        node("span", { class: "card-token" }, spoken(token, tokens)),
        node("span", { class: "card-bar" }, bar),
        node("span", {}, shown(value)),
      );
    };
    return node(
      "dl",
      { class: "card-list" },
      node("dt", {}, `similarity with every token${first}`),
      ...sorted.slice(0, room).map(line),
    );
  }

  noteLines(row, col) {
    const { state, props } = this.lens;
    const { maps } = this.owner;
    const lines = [];
    const line = (text) => lines.push(node("p", { class: "card-words" }, text));
    if (state.registers && maps.registers().includes(maps.cell(row, col)))
      line("register-like: hot for nearly every token");
    const under = wordsUnder(maps.entry, row, col, props.word_overlap);
    if (under.length) line(`under it: ${under.slice(0, MANY_WORDS).join(" ")}`);
    else if (!maps.entry.words.length) line("no text layer on this page");
    return lines;
  }

  /** Beside the patch, on the side that has room. */
  place(row, col) {
    const { element } = this;
    const { stage } = this.owner;
    const box = stage.frame.getBoundingClientRect();
    const from = stage.placeInFrame(row, col);
    const to = stage.placeInFrame(row + 1, col + 1);
    const [left, right] = [from.across * box.width, to.across * box.width];
    const [top, bottom] = [from.down * box.height, to.down * box.height];
    const [width, height] = [element.offsetWidth, element.offsetHeight];
    const within = (value, room) => Math.max(4, Math.min(room - 4, value));
    const beside = box.width > 2.2 * width;
    if (beside) {
      element.style.left = `${right + 10 + width < box.width ? right + 10 : left - width - 10}px`;
      const lowest = Math.min(box.height, window.innerHeight - box.top);
      element.style.top = `${within(top - 30, Math.max(lowest - height, 8))}px`;
    } else {
      element.style.left = `${within((left + right - width) / 2, box.width - width)}px`;
      const above = box.top + bottom + height + 12 > window.innerHeight && top > height + 40;
      element.style.top = `${above ? top - height - 10 : bottom + 10}px`;
    }
  }
}
