// Card 11: the map is a claim; erase the winner's place, embed the page anew, and look again.

import { node, segments, svgNode } from "../../shared/dom.js";
import { shown, signed } from "../../shared/text.js";
import { cellsText, label } from "../../shared/tokens.js";
import { drawnTraces, tracesOf } from "../../shared/traces.js";
import { columnHead, columns, fine, output, ROW_COLUMN, rowHead, text } from "../parts.js";

const [WIDE, HIGH] = [400, 300]; // units of the plot
const ROOM = 1.12; // of the plot, over the largest number in it

export const reason = {
  id: "reason",
  about: "reason",
  short: "Reason",
  keep: "A map is a claim; erase the place it points at, embed the page anew, and see whether the score falls.",
  title: () => "Is it really the reason?",
  idea: () => "The map says which patch won, not why. So erase that place, embed the page anew, and look again.",
  build(body, study, kit) {
    const { erased } = study.value;
    if (!erased) return body.append(invitation(kit));
    if (!erased.length) return body.append(text("No word of this query has its winner on the page."));
    new Eraser(study, kit, erased).build(body);
  },
};

/** What asks the server to erase the winners of a page of the visitor's own. */
function invitation(kit) {
  const button = node("button", { type: "button", class: "play" }, "Erase the winners of this page");
  button.addEventListener("click", () => {
    Object.assign(button, { disabled: true, textContent: "Embedding the page anew …" });
    kit.eraseWinners();
  });
  const about = text(
    "For each word its place is erased, and once more as much ink elsewhere; nothing of that is kept.",
  );
  return node("div", { class: "words" }, button, about);
}

/** Erases the winner of one token, and puts it back. */
class Eraser {
  constructor(study, kit, erased) {
    Object.assign(this, { study, kit, erased, gone: false });
    const own = erased.find(({ token }) => token === study.token);
    this.at = own ?? erased.reduce((best, each) => (each.lost > best.lost ? each : best));
    this.sheet = kit.sheet({ label: "The page, with the winner of the token boxed, or without its place" });
    this.choices = node("div", { class: "segments", "aria-label": "Token" });
    const tokens = erased.map(({ token }) => [String(token), label(study.tokens[token]), study.named(token)]);
    this.mark = segments(this.choices, tokens, (token) => this.choose(Number(token)));
    this.button = node("button", { type: "button", class: "play", onclick: () => this.turn(!this.gone) });
    this.claim = node("p", { class: "note", role: "status" });
    this.table = node("table", { class: "changes" });
    this.asked = node("div");
    this.plot = node("div", { class: "plot" });
  }

  build(body) {
    body.append(
      columns(
        node("div", { class: "visual" }, this.sheet.root, this.button),
        [this.choices, this.claim, this.asked, this.table],
        [
          node("h3", {}, "The margin foretells the loss"),
          this.plot,
          fine(
            "A dot for each word: what it lost when its place was erased, against its margin, the distance to the " +
              "best vector elsewhere. On the dashed line, the second-best place has taken over. Rings: as much ink " +
              "erased where no token had its winner.",
          ),
          this.means(),
        ],
      ),
    );
    this.draw();
  }

  get before() {
    return this.study.page.tokens[this.at.token];
  }

  choose(token) {
    this.study.token = token;
    this.at = this.erased.find((each) => each.token === token);
    this.turn(false);
  }

  turn(gone) {
    this.gone = gone;
    this.draw();
  }

  draw() {
    const { study, at, gone } = this;
    this.mark(String(at.token));
    this.button.textContent = gone ? "Put it back" : "Erase it and look again";
    this.drawPage();
    this.claim.replaceChildren(...this.sentence());
    this.asked.replaceChildren(this.question());
    this.table.replaceChildren(...changes(study, at, gone));
    this.drawPlot();
  }

  drawPage() {
    const { study, at, gone, sheet } = this;
    const { page } = study;
    sheet.mark(...(gone && at.cells.length ? [{ cells: at.cells, kind: "box" }] : []));
    if (!gone) sheet.mark({ cells: this.before.cells, kind: "box" });
    const entry = {
      grid: page.grid,
      erased: { boxes: at.boxes, fills: at.fills, inverted: false },
      whole: page,
      tokens: page.tokens.map((match) => (match.index === at.token ? { ...match, cells: at.cells } : match)),
    };
    sheet.stage.trace(drawnTraces(gone ? tracesOf([at.token], entry) : null, page.width / page.height));
  }

  sentence() {
    const { study, at, gone, before } = this;
    const name = node("b", {}, study.named(at.token));
    if (!gone)
      return [
        name,
        ` found ${cellsText(before.cells, ROW_COLUMN)}: `,
        output("claimed", shown(before.maxsim)),
        ". The map’s claim: this is where it matched.",
      ];
    const after = at.tokens[at.token];
    const where = at.cells.length ? cellsText(at.cells, ROW_COLUMN) : "off the image";
    return [
      "Embedded anew, ",
      name,
      ` finds ${where}: `,
      output("left", shown(after)),
      `, ${shown(Math.abs(after - before.maxsim))} ${after > before.maxsim ? "more" : "less"}.`,
    ];
  }

  /** Predict what is left: what the margin foretells, nothing, or all of it. */
  question() {
    const { study, at, before } = this;
    const after = at.tokens[at.token];
    const guesses = [...new Set([before.maxsim - at.margin, 0, before.maxsim].map((value) => shown(value, 2)))];
    const number = (guess) => Number(guess.replace("−", "-"));
    const far = (guess) => Math.abs(number(guess) - after);
    const nearest = guesses.reduce((best, guess) => (far(guess) < far(best) ? guess : best));
    const elsewhere = shown(before.maxsim - at.margin);
    const ask = `The best vector elsewhere has ${elsewhere}. What will be left of ${shown(before.maxsim)}?`;
    const choices = guesses.map((guess) => [guess, guess === nearest]);
    return this.kit.question(`reason-${study.page.key}-${at.token}`, ask, choices, () =>
      after > before.maxsim - at.margin + 0.05
        ? `${shown(after)} is left, more than the margin of ${shown(at.margin)} foretells.`
        : `${shown(after)} is left, as the margin of ${shown(at.margin)} foretells.`,
    );
  }

  drawPlot() {
    const { erased, at, study } = this;
    const numbers = erased.flatMap(({ margin, lost, lost_elsewhere: other }) => [margin, lost, other ?? 0]);
    const top = ROOM * Math.max(...numbers, 0.05);
    const low = Math.min(0, ...numbers);
    const x = (value) => (WIDE * (value - low)) / (top - low);
    const y = (value) => HIGH - (HIGH * (value - low)) / (top - low);
    const svg = svgNode("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": "Losses against margins" });
    svg.append(svgNode("line", { x1: x(low), y1: y(low), x2: x(top), y2: y(top) }));
    const dot = (each, value, kind) => {
      const mine = each === at ? " mine" : "";
      const made = svgNode("circle", { cx: x(each.margin), cy: y(value), r: 7, class: `${kind}${mine}` });
      const title = svgNode("title");
      title.textContent = `${study.named(each.token)}: margin ${shown(each.margin)}, lost ${shown(value)}`;
      made.append(title);
      return made;
    };
    svg.append(...compared(erased).map((each) => dot(each, each.lost_elsewhere, "elsewhere")));
    svg.append(...erased.map((each) => dot(each, each.lost, "lost")));
    const along = node("span", { class: "along" }, node("span", {}, "margin →"), node("span", {}, shown(top, 2)));
    this.plot.replaceChildren(node("span", { class: "up" }, "MaxSim lost →"), svg, along);
  }

  /** What was lost on average, to both. */
  means() {
    const mean = (list, name) => shown(list.reduce((sum, each) => sum + each[name], 0) / list.length);
    const beside = compared(this.erased);
    return text(
      "Their own places cost these words ",
      output("lost", mean(this.erased, "lost")),
      " on average",
      ...(beside.length ? [", as much ink elsewhere ", output("lost-elsewhere", mean(beside, "lost_elsewhere"))] : []),
      ".",
    );
  }
}

/** Those for which there was as much ink elsewhere. */
const compared = (erased) => erased.filter((each) => each.lost_elsewhere !== null);

/** Before, after and change of the words whose winners can be erased, of all other tokens, and of the score. */
function changes({ page, tokens, value }, at, gone) {
  const typed = value.erased.map(({ token }) => token);
  const others = page.tokens.map(({ index }) => index).filter((index) => !typed.includes(index));
  const sum = (terms, indices) => indices.reduce((total, index) => total + terms[index], 0);
  const before = page.tokens.map(({ maxsim }) => maxsim);
  const cells = (was, is, digits, name) => [
    node("td", {}, shown(was, digits)),
    node("td", name ? { "data-number": `after-${name}` } : {}, gone ? shown(is, digits) : "…"),
    node("td", {}, gone ? signed(is - was, digits) : "…"),
  ];
  const row = (token) =>
    node(
      "tr",
      { class: token === at.token ? "mine" : null },
      rowHead(label(tokens[token])),
      ...cells(before[token], at.tokens[token], 3, token),
    );
  const rank = gone ? `rank ${page.rank} → ${at.rank}` : `rank ${page.rank}`;
  return [
    node("thead", {}, node("tr", {}, ...["token", "before", "after", "change"].map((name) => columnHead(name)))),
    node(
      "tbody",
      {},
      ...typed.map(row),
      node("tr", {}, rowHead(`${others.length} others`), ...cells(sum(before, others), sum(at.tokens, others), 3)),
    ),
    node("tfoot", {}, node("tr", {}, rowHead(`score, ${rank}`), ...cells(page.score, at.score, 2, "score"))),
  ];
}
