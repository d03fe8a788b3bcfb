// The lens. Gradio runs this text as the body of a function (element, trigger, props, server, upload, watch).
//
// The value arrives once per search (see payload.py) and everything here is drawn from it, so that moving from token to
// token asks the server nothing. Text from files and queries only ever becomes text nodes.

const part = (name) => element.querySelector(`[data-part="${name}"]`);
const stored = (() => {
  try {
    return window.sessionStorage;
  } catch {
    return null; // a sandboxed frame may forbid it
  }
})();

const SUM = "sum";
const KINDS = {
  bos: "start token",
  prefix: "part of the prefix",
  word: "typed",
  augmentation: "added by the model",
  suffix: "added by the model",
};
const SCALES = [
  ["token", "This token"],
  ["page", "This page"],
  ["all", "All pages"],
];
const state = {
  value: null, // what the server sent
  key: null, // the page on show
  chosen: SUM, // SUM or the index of a token
  preview: null, // the same, while the pointer is over a chip or a ledger line
  patch: null, // [row, col] under the pointer or the keyboard cursor
  pinned: false, // whether the patch card stays
  scale: stored?.getItem("lens-scale") || "page",
  threshold: null, // where nothing is drawn below: a share of the scale, or null for `cut`'s choice
  opacity: 0.8,
};
const colors = bytes(props.colors);
let decoded = new Map(); // page key -> its decoded maps

// ---------------------------------------------------------------------------------------------- small helpers

function bytes(base64) {
  return Uint8Array.from(atob(base64 || ""), (character) => character.charCodeAt(0));
}

function node(tag, attributes = {}, ...children) {
  const result = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) result.addEventListener(name.slice(2), value);
    else result.setAttribute(name, value === true ? "" : value);
  }
  result.append(...children.filter((child) => child !== null && child !== undefined));
  return result;
}

const shown = (value, digits = 3) =>
  value
    .toFixed(digits)
    .replace(/^-(?=0\.?0*$)/, "")
    .replace("-", "−");
const count = (value) => value.toLocaleString("en-US");
const percent = (value) => `${Math.round(100 * value)} %`.replace("-", "−");
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

const page = () => state.value.pages[state.key];
const current = () => (state.preview === null ? state.chosen : state.preview);
const tokens = () => state.value.query.tokens;

/** What a chip says: nothing is invisible. */
function label(token) {
  if (/^\s*\n\s*$/.test(token.text)) return "↵";
  if (/^\s+$/.test(token.text)) return "␣";
  const text = token.text.trim();
  if (/^[\p{C}\p{Z}]+$/u.test(text))
    return [...text].map((c) => `U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`).join(" ");
  return text || `<${token.kind}>`;
}

/** Quoted in a sentence, where text from right to left must not turn around what follows. */
const quoted = (text) => `“\u2068${text}\u2069”`;

/** What a sentence says. */
function spoken(token) {
  if (label(token) === "↵") return "newline ↵";
  if (label(token) === "␣") return "space ␣";
  if (token.kind === "augmentation") {
    const first = tokens().findIndex((other) => other.kind === "augmentation");
    return `augmentation token ${token.index - first + 1}`;
  }
  return token.kind === "bos" ? label(token) : quoted(label(token));
}

const place = (match) =>
  match.slot === "patch"
    ? `row ${match.row}, col ${match.col}`
    : match.slot === "tile"
      ? "thumbnail tile"
      : `prompt ${slotText(match)}`;
const slotText = (match) => quoted((match.slot_text || "").replace(/\n/g, "↵"));

// ---------------------------------------------------------------------------------------------- numbers

/** The similarity maps of a page, Float32Array (tokens x rows x cols), and what follows from them. */
async function decode(value, key) {
  const source = value.pages[key];
  const { lo, hi } = value.range;
  let buffer;
  if (source.maps.data) buffer = bytes(source.maps.data).buffer;
  else {
    const reply = await fetch(source.maps.file.url);
    if (!reply.ok) throw new Error(reply.statusText);
    buffer = await reply.arrayBuffer();
  }
  const levels = new Uint16Array(buffer);
  const maps = new Float32Array(levels.length);
  const step = (hi - lo) / 65535;
  for (let i = 0; i < levels.length; i++) maps[i] = lo + step * levels[i];
  const cells = source.grid.rows * source.grid.cols;
  const contribution = new Float64Array(cells);
  const wins = new Map(); // cell -> indices of the tokens that it wins
  for (const match of source.tokens) {
    if (match.slot !== "patch") continue;
    const cell = match.row * source.grid.cols + match.col;
    maps[match.index * cells + cell] = match.maxsim; // the ledger's number is exact, the map's is rounded to 16 bits
    contribution[cell] += match.maxsim;
    wins.set(cell, [...(wins.get(cell) || []), match.index]);
  }
  return { maps, cells, contribution, wins, extent: extent(maps), extents: new Map() };
}

/** Lowest, middle and highest of some values. */
function extent(values) {
  const sorted = Float64Array.from(values).sort();
  return { lo: sorted[0], median: sorted[sorted.length >> 1], hi: sorted[sorted.length - 1] };
}

/** The cosines of one token on the page on show, and their extent. */
function mapOf(found, token) {
  const values = found.maps.subarray(token * found.cells, (token + 1) * found.cells);
  if (!found.extents.has(token)) found.extents.set(token, extent(values));
  return { values, ...found.extents.get(token) };
}

/** The default threshold, as in colormap.py: halfway between an ordinary patch and the best one. */
const cut = ({ median, hi }) => (median + hi) / 2;

/** What the page shows for a selection: values per cell, the scale they are drawn on, and its name. */
function layer(selection) {
  const found = decoded.get(state.key);
  if (selection === SUM) {
    const all = state.scale === "all";
    const pages = all ? [...decoded.values()] : [found];
    const hi = Math.max(...pages.map((each) => each.contribution.reduce((top, value) => Math.max(top, value), 1e-6)));
    return { values: found.contribution, lo: 0, hi, threshold: 0, scaleName: all ? "all pages loaded" : "this page" };
  }
  const map = mapOf(found, selection);
  const range = { token: map, page: found.extent, all: state.value.range }[state.scale];
  const { lo, hi } = range;
  return {
    values: map.values,
    lo,
    hi,
    threshold: state.threshold === null ? cut(range) : lo + state.threshold * (hi - lo),
    scaleName: { token: "this token", page: "this page, all its tokens", all: "all pages and tokens" }[state.scale],
  };
}

// ---------------------------------------------------------------------------------------------- drawing

function paint() {
  const shape = page().grid;
  const canvas = part("heat");
  const box = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(box.width * ratio));
  const height = Math.max(1, Math.round(box.height * ratio));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  const selection = current();
  const { values, hi, threshold } = layer(selection);
  const edge = (index, parts, size) => Math.round((index * size) / parts);
  for (let row = 0; row < shape.rows; row++) {
    const top = edge(row, shape.rows, height);
    const bottom = edge(row + 1, shape.rows, height);
    for (let col = 0; col < shape.cols; col++) {
      const value = values[row * shape.cols + col];
      if (value < threshold || (selection === SUM && value === 0)) continue;
      context.fillStyle = color((value - threshold) / (hi - threshold || 1));
      const left = edge(col, shape.cols, width);
      context.fillRect(left, top, edge(col + 1, shape.cols, width) - left, bottom - top);
    }
  }
  canvas.style.opacity = state.opacity;
}

/** The color of a share of the way from the threshold to the top, as colormap.colorize has it. */
function color(share) {
  const level = Math.max(0, Math.min(1, share));
  const at = 3 * Math.round(255 * level);
  return `rgba(${colors[at]},${colors[at + 1]},${colors[at + 2]},${props.faintest + (1 - props.faintest) * level})`;
}

function put(target, row, col) {
  const { rows, cols } = page().grid;
  target.style.left = `${(100 * col) / cols}%`;
  target.style.top = `${(100 * row) / rows}%`;
  target.style.width = `${100 / cols}%`;
  target.style.height = `${100 / rows}%`;
  return target;
}

function drawBoxes() {
  const selection = current();
  const matches = page().tokens.filter(
    (match) => match.slot === "patch" && (selection === SUM || match.index === selection),
  );
  const cells = new Map();
  for (const match of matches) cells.set(`${match.row},${match.col}`, match);
  part("boxes").replaceChildren(
    ...[...cells.values()].map((match) =>
      put(
        node("div", { class: selection === SUM ? "box small" : "box", "data-row": match.row, "data-col": match.col }),
        match.row,
        match.col,
      ),
    ),
  );
}

function drawHeadline() {
  const source = page();
  const selection = current();
  const line = part("headline");
  const strong = (text) => node("b", {}, text);
  if (selection === SUM) {
    const sum = (test) => source.tokens.reduce((total, match) => total + (test(match) ? match.maxsim : 0), 0);
    const typed = (match) => tokens()[match.index].kind === "word";
    const words = source.tokens.filter(typed).length;
    const added = source.tokens.length - words;
    const away = source.tokens.filter((match) => match.slot !== "patch").length;
    line.replaceChildren(
      "Score ",
      strong(shown(source.score, 2)),
      ` = ${plural(source.tokens.length, "MaxSim term")}: `,
      `${shown(sum(typed), 2)} from ${plural(words, "token")} you typed, `,
      `${shown(source.score - sum(typed), 2)} from ${count(added)} the model adds`,
      away ? ` · ${plural(away, "term")} won off the image` : "",
    );
    return;
  }
  const match = source.tokens[selection];
  const where = {
    patch: () => `is patch (row ${match.row}, col ${match.col})`,
    text: () => `is off the image: prompt token ${slotText(match)}`,
    tile: () => "is off the image: a tile of the thumbnail",
  }[match.slot]();
  line.replaceChildren(
    strong(spoken(tokens()[selection])),
    ` · best of ${count(source.vectors)} vectors ${where} = `,
    strong(shown(match.maxsim)),
    ` (${percent(match.maxsim / source.score)} of ${shown(source.score, 2)})`,
  );
}

function drawCaption() {
  const { grid, source, page: number, rank } = page();
  const selection = current();
  const size = `${grid.rows} × ${grid.cols} patches`;
  const what =
    selection === SUM
      ? ["Contribution map", ` · each token’s MaxSim on its winner, ${size}`]
      : ["Similarity map", ` of ${spoken(tokens()[selection])} · cosine with each of ${size}`];
  part("caption").replaceChildren(
    node("span", {}, node("b", {}, what[0]), what[1]),
    node("span", { title: source }, `${source}, page ${number} · rank ${rank} of ${state.value.ranking.length}`),
  );
}

const HISTOGRAM_BINS = 64;

function drawScale() {
  const selection = current();
  const { values, lo, hi, threshold, scaleName } = layer(selection);
  const span = hi - lo || 1;
  part("scale-title").textContent =
    selection === SUM ? "MaxSim placed on winners" : `All ${count(values.length)} similarities`;

  // The histogram stands on the color scale: the same axis, so a bar's color is the color on the page.
  const svg = part("histogram");
  svg.setAttribute("viewBox", `0 0 ${HISTOGRAM_BINS} 100`);
  const bins = new Array(HISTOGRAM_BINS).fill(0);
  const drawn = selection === SUM ? values.filter((value) => value !== 0) : values;
  for (const value of drawn)
    bins[Math.max(0, Math.min(HISTOGRAM_BINS - 1, Math.floor(((value - lo) / span) * HISTOGRAM_BINS)))]++;
  const tallest = Math.max(...bins);
  const draw = (tag, attributes) => {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    return shape;
  };
  // Square roots, so that the few hot patches stay visible beside a thousand cool ones.
  const bars = bins.map((n, i) => {
    const height = n ? Math.max(3, 96 * Math.sqrt(n / tallest)) : 0;
    return draw("rect", {
      x: i + 0.08,
      width: 0.84,
      y: 100 - height,
      height,
      class: lo + ((i + 1) / HISTOGRAM_BINS) * span <= threshold ? "cool" : "warm",
    });
  });
  svg.replaceChildren(...bars);

  const canvas = part("legend");
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, 1);
  for (let x = 0; x < canvas.width; x++) {
    const share = (x + 0.5) / canvas.width;
    const value = lo + share * span;
    if (value < threshold) continue;
    context.fillStyle = "#fff";
    context.fillRect(x, 0, 1, 1);
    context.fillStyle = color((value - threshold) / (hi - threshold || 1));
    context.fillRect(x, 0, 1, 1);
  }

  const mark = (value, text, kind) => {
    const share = (value - lo) / span;
    const tick = node("span", { class: `tick ${kind}` }, text);
    tick.style.left = `${100 * share}%`;
    if (share > 0.86) tick.classList.add("end");
    else if (share < 0.12) tick.classList.add("start");
    return tick;
  };
  const match = selection === SUM ? null : page().tokens[selection];
  const marks = [mark(lo, shown(lo, 2), "limit"), mark(hi, shown(hi, 2), "limit")];
  if (selection !== SUM) {
    const share = (threshold - lo) / span;
    if (share > 0.16 && share < 0.84) marks.push(mark(threshold, shown(threshold, 2), "cut"));
  }
  part("ticks").replaceChildren(...marks);
  part("scale-text").textContent =
    selection === SUM
      ? `Colors from 0 to ${shown(hi, 2)}, scale of ${scaleName}. A patch that wins several tokens carries their sum.`
      : `Cosine; colors on the scale of ${scaleName}. Below ${shown(threshold, 2)} nothing is drawn.` +
        (match.slot === "patch"
          ? ""
          : ` The winner, ${shown(match.maxsim)}, is ${place(match)}: not among these patches.`) +
        " Bar heights are square roots of counts.";

  for (const button of part("scales").children) {
    const on =
      button.dataset.scale === state.scale ||
      (selection === SUM && state.scale === "token" && button.dataset.scale === "page");
    button.setAttribute("aria-checked", on);
    button.tabIndex = on ? 0 : -1;
    button.disabled = selection === SUM && button.dataset.scale === "token";
  }
  part("threshold").disabled = selection === SUM;
  part("threshold").value = state.threshold === null ? (threshold - lo) / span : state.threshold;
  part("threshold-value").textContent = selection === SUM ? "" : shown(threshold, 2);
  part("opacity").value = state.opacity;
  part("opacity-value").textContent = percent(state.opacity);
}

function mark() {
  const selection = current();
  for (const chip of part("chips").querySelectorAll("[data-token]")) {
    const mine = chip.dataset.token === String(state.chosen);
    chip.setAttribute("aria-checked", mine);
    chip.tabIndex = mine ? 0 : -1;
    chip.classList.toggle("lit", chip.dataset.token === String(selection));
  }
  for (const line of part("ledger").children) line.classList.toggle("lit", line.dataset.token === String(selection));
  for (const piece of part("stack").children) piece.classList.toggle("lit", piece.dataset.token === String(selection));
}

/** Everything that depends on the selected token. */
function show() {
  if (!state.value || !decoded.has(state.key)) return;
  paint();
  drawBoxes();
  drawHeadline();
  drawCaption();
  drawScale();
  mark();
  drawCard();
}

// ---------------------------------------------------------------------------------------------- the patch card

function drawCard() {
  const card = part("card");
  const cursor = part("cursor");
  card.hidden = cursor.hidden = !state.patch;
  if (!state.patch) return;
  const [row, col] = state.patch;
  const source = page();
  const found = decoded.get(state.key);
  const cell = row * source.grid.cols + col;
  put(cursor, row, col);
  const at = (index) => found.maps[index * found.cells + cell];
  const selection = current();
  const lines = [node("p", { class: "card-title" }, `Patch row ${row}, col ${col}`)];
  if (selection === SUM) {
    if (found.wins.has(cell))
      lines.push(node("p", {}, `contributes ${shown(found.contribution[cell])} of ${shown(source.score, 2)}`));
  } else {
    const value = at(selection);
    let rank = 1;
    for (const other of mapOf(found, selection).values) if (other > value) rank++;
    lines.push(
      node(
        "p",
        {},
        `${spoken(tokens()[selection])} `,
        node("b", {}, shown(value)),
        ` · ${count(rank)} of ${count(found.cells)} patches`,
      ),
    );
  }
  const closest = tokens()
    .map((token) => token.index)
    .sort((a, b) => at(b) - at(a))
    .slice(0, 3);
  lines.push(
    node(
      "dl",
      { class: "card-list" },
      node("dt", {}, "closest tokens"),
      ...closest.map((index) =>
        node("dd", {}, node("span", {}, spoken(tokens()[index])), node("span", {}, shown(at(index)))),
      ),
    ),
  );
  const wins = found.wins.get(cell);
  if (wins)
    lines.push(node("p", { class: "card-win" }, `★ wins ${wins.map((index) => spoken(tokens()[index])).join(", ")}`));
  const under = wordsUnder(row, col);
  if (under.length) lines.push(node("p", { class: "card-words" }, `under it: ${under.slice(0, 12).join(" ")}`));
  else if (!source.words.length) lines.push(node("p", { class: "card-words" }, "no text layer on this page"));
  card.replaceChildren(...lines);
  card.classList.toggle("pinned", state.pinned);

  // Beside the patch, on the side that has room.
  const frame = part("page").getBoundingClientRect();
  const x = ((col + 0.5) / source.grid.cols) * frame.width;
  const y = ((row + 1) / source.grid.rows) * frame.height;
  const left = Math.max(4, Math.min(frame.width - card.offsetWidth - 4, x - card.offsetWidth / 2));
  const above = frame.top + y + card.offsetHeight + 12 > window.innerHeight && y > card.offsetHeight + 40;
  card.style.left = `${left}px`;
  card.style.top = above ? `${(row / source.grid.rows) * frame.height - card.offsetHeight - 8}px` : `${y + 8}px`;
}

/** The same rule as explain.words_under: a word counts if it shares enough of the shorter side, across and down. */
function wordsUnder(row, col) {
  const { grid, words } = page();
  const shares = (start, end, from, to) =>
    Math.min(end, to) - Math.max(start, from) >= props.word_overlap * Math.min(end - start, to - from);
  return words
    .filter(
      ([, left, top, right, bottom]) =>
        shares(left, right, col / grid.cols, (col + 1) / grid.cols) &&
        shares(top, bottom, row / grid.rows, (row + 1) / grid.rows),
    )
    .map(([text]) => text);
}

// ---------------------------------------------------------------------------------------------- building

function choose(selection, focus = false) {
  state.chosen = selection;
  state.preview = null;
  show();
  if (focus) part("chips").querySelector('[aria-checked="true"]')?.focus();
}

function previewing(selection) {
  return {
    onpointerenter: (event) => {
      if (event.pointerType === "touch") return; // a tap selects; previews are for pointers that hover
      state.preview = selection;
      show();
    },
    onpointerleave: () => {
      if (state.preview === null) return;
      state.preview = null;
      show();
    },
  };
}

function buildChips() {
  const source = page();
  const top = Math.max(...source.tokens.map((match) => match.maxsim), 1e-6);
  const chip = (selection, kind, text, title, value, digits, share) => {
    const bar = node("span", { class: "chip-bar" }, node("i"));
    bar.firstChild.style.width = `${Math.max(0, 100 * share)}%`;
    return node(
      "button",
      {
        type: "button",
        role: "radio",
        class: `chip ${kind}`,
        "data-token": selection,
        title,
        onclick: () => choose(selection),
        ...previewing(selection),
      },
      node("span", { class: "chip-text" }, text),
      node("span", { class: "chip-value" }, shown(value, digits)),
      bar,
    );
  };
  const chips = [chip(SUM, "total", "SUM", "Contribution map of the whole query", source.score, 2, 1)];
  let group = null;
  let word = null;
  for (const token of tokens()) {
    const match = source.tokens[token.index];
    const made = chip(
      token.index,
      token.kind,
      label(token),
      [`${spoken(token)}, ${KINDS[token.kind]}`, `MaxSim ${shown(match.maxsim)}`, place(match)].join(" · "),
      match.maxsim,
      3,
      match.maxsim / top,
    );
    if (match.slot !== "patch") made.classList.add("away");
    // Subwords of one typed word stand together.
    if (token.word === null || token.word !== word) {
      group = node("span", { class: "group", role: "presentation" });
      chips.push(group);
    }
    word = token.word;
    group.append(made);
  }
  const list = part("chips");
  const scroll = list.scrollLeft;
  list.replaceChildren(...chips);
  list.scrollLeft = scroll;
}

function buildLedger() {
  const source = page();
  const top = Math.max(...source.tokens.map((match) => Math.abs(match.maxsim)), 1e-6);
  part("ledger-title").textContent = "How the score adds up";
  part("ledger").replaceChildren(
    ...source.tokens.map((match) => {
      const token = tokens()[match.index];
      const away = match.slot !== "patch";
      const bar = node(
        "i",
        { class: match.maxsim < 0 ? "negative" : away ? "away" : null, title: away ? place(match) : null },
        away ? place(match) : "",
      );
      bar.style.width = `${(100 * Math.abs(match.maxsim)) / top}%`;
      return node(
        "tr",
        {
          "data-token": match.index,
          class: token.kind,
          onclick: () => choose(match.index),
          ...previewing(match.index),
        },
        node("th", { scope: "row" }, label(token)),
        node("td", { class: "bar" }, bar),
        node("td", { class: "number" }, shown(match.maxsim)),
        node(
          "td",
          { class: "number quiet" },
          match.margin === null ? "" : `+${shown(match.margin)}`.replace("+−", "−"),
        ),
      );
    }),
  );
  part("ledger-foot").replaceChildren(
    node(
      "tr",
      {},
      node("th", { scope: "row" }, "score"),
      node("td", { class: "bar" }, `sum of ${source.tokens.length}`),
      node("td", { class: "number" }, shown(source.score, 2)),
      node("td"),
    ),
  );
  const positive = source.tokens.reduce((total, match) => total + Math.max(0, match.maxsim), 0) || 1;
  part("stack").replaceChildren(
    ...source.tokens.map((match) => {
      const piece = node("i", {
        "data-token": match.index,
        class: tokens()[match.index].kind,
        ...previewing(match.index),
        onclick: () => choose(match.index),
      });
      piece.style.width = `${(100 * Math.max(0, match.maxsim)) / positive}%`;
      return piece;
    }),
  );
  const away = source.tokens.some((match) => match.slot !== "patch")
    ? " Hollow bars: won off the image, by a vector of the page’s prompt."
    : "";
  part("ledger-text").textContent =
    `Margin: how far the winner is ahead of the best vector elsewhere on the page.${away} ` +
    "Rows and columns count from 0.";
}

function buildRanking() {
  const { ranking, pages } = state.value;
  const best = Math.max(...ranking.map((entry) => entry.score), 1e-6);
  const share = (entry) => {
    const sent = pages[entry.key];
    if (!sent) return null;
    const typed = sent.tokens.reduce(
      (total, match) => total + (tokens()[match.index].kind === "word" ? match.maxsim : 0),
      0,
    );
    const bar = node("span", { class: "share", "aria-hidden": "true" }, node("i", { class: "typed" }), node("i"));
    bar.children[0].style.width = `${Math.max(0, (100 * typed) / best)}%`;
    bar.children[1].style.width = `${Math.max(0, (100 * (entry.score - typed)) / best)}%`;
    return bar;
  };
  const button = (entry, small) =>
    node(
      "button",
      {
        type: "button",
        class: small ? "rank-line" : "rank-card",
        "data-key": entry.key,
        "aria-current": entry.key === state.key ? "true" : null,
        title: `${entry.source}, page ${entry.page}`,
        onclick: () => openPage(entry.key),
      },
      small ? null : node("img", { src: pages[entry.key].thumb.url, alt: "", loading: "lazy" }),
      node("span", { class: "rank-numbers" }, node("b", {}, `#${entry.rank}`), node("span", {}, shown(entry.score, 2))),
      small ? null : share(entry),
      node(
        "span",
        { class: "rank-source" },
        node("span", { class: "rank-name" }, entry.source),
        node("span", {}, `p. ${entry.page}`),
      ),
    );
  const cards = ranking.filter((entry) => entry.hit || entry.key === state.key);
  const others = ranking.filter((entry) => !cards.includes(entry));
  const list = part("ranking");
  const open = list.querySelector("details")?.open;
  const focused = list.contains(document.activeElement) && document.activeElement.dataset.key;
  list.replaceChildren(
    node("div", { class: "rank-cards" }, ...cards.map((entry) => button(entry, false))),
    node("p", { class: "key" }, node("i", { class: "typed" }), "words you typed ", node("i"), "tokens the model adds"),
    others.length
      ? node(
          "details",
          { class: "rank-others", open },
          node("summary", {}, `${plural(others.length, "other page")}`),
          ...others.map((entry) => button(entry, true)),
        )
      : "",
  );
  if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function buildNotes() {
  const notes = [];
  const { strength, query, model } = state.value;
  if (model.reads.level !== "reads") notes.push([model.name, model.reads.sentence, "quiet"]);
  if (query.unknown.length)
    notes.push([
      "Unknown words",
      `This checkpoint’s vocabulary has no piece of ${query.unknown.map(quoted).join(", ")}. ` +
        "Those tokens still score, because every token must, but their maps mean nothing.",
    ]);
  if (strength?.weak && strength.word_mean !== null)
    notes.push([
      "Weak match",
      "Every query lights something. On the best page the typed words reach a mean MaxSim of " +
        `${shown(strength.word_mean)}; with this checkpoint, queries that have nothing to find reach ` +
        `${shown(strength.threshold)}.`,
    ]);
  part("notes").replaceChildren(
    ...notes.map(([title, text, kind]) => node("p", { class: `note ${kind || ""}` }, node("b", {}, title), ` ${text}`)),
  );
}

function buildPage() {
  const source = page();
  const image = part("image");
  image.src = source.image.url;
  image.alt = `${source.source}, page ${source.page}`;
  part("stage").style.setProperty("--ratio", source.width / source.height);
  buildChips();
  buildLedger();
}

function openPage(key) {
  if (!state.value.pages[key]) {
    part("ranking")
      .querySelector(`[data-key="${CSS.escape(key)}"]`)
      ?.setAttribute("aria-busy", "true");
    trigger("open_page", { key, search: state.value.search });
    return;
  }
  Object.assign(state, { key, patch: null, pinned: false, preview: null });
  buildRanking();
  buildPage();
  show();
}

/** The typed token with the largest MaxSim on a patch; what a visitor sees first. */
function firstToken({ pages, focus, query }) {
  const text = (match) => query.tokens[match.index];
  const typed = pages[focus].tokens.filter(
    (match) => match.slot === "patch" && text(match).kind === "word" && /[\p{L}\p{N}]{3}/u.test(text(match).text),
  );
  if (!typed.length) return SUM;
  return typed.reduce((best, match) => (match.maxsim > best.maxsim ? match : best)).index;
}

function showMessage(value) {
  state.value = null;
  delete element.dataset.search;
  part("notes").replaceChildren();
  part("empty-title").textContent = value?.title || "";
  part("empty-text").textContent = value?.message || "";
  part("empty").hidden = false;
  part("body").hidden = true;
}

let latest = null; // the value that came last, while its maps may still be on their way

async function load() {
  const value = (latest = props.value);
  if (!value?.focus) return showMessage(value);
  let maps;
  try {
    const keys = Object.keys(value.pages);
    maps = new Map(await Promise.all(keys.map(async (key) => [key, await decode(value, key)])));
  } catch {
    return showMessage({ title: "This explanation is gone", message: "Search again." });
  }
  if (latest !== value) return;
  const words = ({ query }) => JSON.stringify(query.tokens);
  if (!state.value || words(state.value) !== words(value)) state.chosen = firstToken(value);
  Object.assign(state, { value, key: value.focus, patch: null, pinned: false, preview: null });
  decoded = maps;
  part("empty").hidden = true;
  part("body").hidden = false;
  buildNotes();
  buildRanking();
  buildPage();
  show();
  element.dataset.search = value.search;
}

// ---------------------------------------------------------------------------------------------- once

part("scales").replaceChildren(
  ...SCALES.map(([scale, name]) =>
    node(
      "button",
      {
        type: "button",
        role: "radio",
        "data-scale": scale,
        onclick: () => {
          state.scale = scale;
          stored?.setItem("lens-scale", scale);
          show();
        },
      },
      name,
    ),
  ),
);
for (const name of ["threshold", "opacity"])
  part(name).addEventListener("input", (event) => {
    state[name] = Number(event.target.value);
    show();
  });

/** Arrow keys move through a group of buttons and press the one they reach. */
function roving(group, press) {
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const buttons = [...group.querySelectorAll("button:not(:disabled)")];
    const at = buttons.indexOf(document.activeElement);
    if (at < 0) return;
    let next = null;
    if (step) next = buttons[(at + step + buttons.length) % buttons.length];
    if (event.key === "Home") next = buttons[0];
    if (event.key === "End") next = buttons[buttons.length - 1];
    if (!next) return;
    event.preventDefault();
    press(next);
    next.focus();
  });
}
roving(part("chips"), (button) => choose(button.dataset.token === SUM ? SUM : Number(button.dataset.token)));
roving(part("scales"), (button) => button.click());

element.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !state.value) return;
  if (state.patch) Object.assign(state, { patch: null, pinned: false });
  else state.chosen = SUM;
  state.preview = null;
  show();
});

const frame = part("page");
function patchAt(event) {
  const box = frame.getBoundingClientRect();
  const { rows, cols } = page().grid;
  const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
  const col = Math.floor(((event.clientX - box.left) / box.width) * cols);
  return row >= 0 && row < rows && col >= 0 && col < cols ? [row, col] : null;
}
frame.addEventListener("pointermove", (event) => {
  if (state.pinned || event.pointerType === "touch" || !decoded.has(state.key)) return;
  const patch = patchAt(event);
  if (String(patch) === String(state.patch)) return;
  state.patch = patch;
  drawCard();
});
frame.addEventListener("pointerleave", () => {
  if (state.pinned || document.activeElement === frame) return;
  state.patch = null;
  if (state.value) drawCard();
});
frame.addEventListener("click", (event) => {
  if (!decoded.has(state.key)) return;
  const patch = patchAt(event);
  state.pinned = !(state.pinned && String(patch) === String(state.patch));
  state.patch = patch;
  drawCard();
});
frame.addEventListener("keydown", (event) => {
  const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!move || !decoded.has(state.key)) return;
  event.preventDefault();
  const { rows, cols } = page().grid;
  const selected = current() === SUM ? null : page().tokens[current()];
  const [row, col] =
    state.patch ||
    (selected?.slot === "patch" ? [selected.row - move[0], selected.col - move[1]] : [-move[0], -move[1]]);
  state.patch = [Math.max(0, Math.min(rows - 1, row + move[0])), Math.max(0, Math.min(cols - 1, col + move[1]))];
  state.pinned = true;
  drawCard();
});
frame.addEventListener("blur", () => {
  if (!state.patch || frame.matches(":hover")) return;
  Object.assign(state, { patch: null, pinned: false });
  if (state.value) drawCard();
});

new ResizeObserver(() => {
  if (state.value && decoded.has(state.key)) {
    paint();
    drawCard();
  }
}).observe(frame);

element.lensValue = () => state.value; // the JSON behind the picture, for scripts
watch("value", load);
load();
