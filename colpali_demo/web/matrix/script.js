// The matrix. It draws what the lens found, and the two move each other: hovering a cell here shows its token and its
// patch there, and the other way round. Nothing is asked of the server.

const ORDERS = [
  ["query", "Query order"],
  ["maxsim", "By MaxSim"],
];
const GAP = 1; // CSS pixels between rows
// The cells lie on white like the page, also on a dark screen: the color map is made for that.
const [PAPER, INK, POINTER] = ["#fffdf9", "#201d1a", "#24469c"];
const SLOT = 0.011; // width of a vector that is no patch, as a share of the matrix
const SLOTS = 0.2; // at most this share for all of them

const state = {
  lens: null,
  order: "query",
  rows: [], // indices of tokens from top to bottom
  at: null, // {row, place} under the pointer or the keyboard's cursor
  near: true, // whether it is on the screen, or nearly
  stale: null, // what has to be painted when it is: "all", "marks" or null
};

const maps = () => state.lens.found.pages.get(state.lens.key);
const tokens = () => state.lens.found.value.query.tokens;
const patches = () => maps().cells;
const places = () => patches() + maps().entry.others.slots.length;

// ---------------------------------------------------------------------------------------------- geometry

/** Share of the width that the patches take; the other vectors stand apart, wider, at the right. */
function split() {
  const others = places() - patches();
  return others ? 1 - Math.min(SLOTS, others * SLOT) - 0.006 : 1;
}

/** Left edge of a place, in shares of the width. */
function edge(place) {
  const share = split();
  if (place <= patches()) return place === patches() ? share : (place / patches()) * share;
  return share + 0.006 + ((place - patches()) / (places() - patches())) * (1 - share - 0.006);
}
const left = (place) => (place === patches() && places() > patches() ? split() + 0.006 : edge(place));
const right = (place) => edge(place + 1);

function placeAt(share) {
  const wide = split();
  if (share <= wide || places() === patches()) return Math.min(patches() - 1, Math.floor((share / wide) * patches()));
  const within = (share - wide - 0.006) / (1 - wide - 0.006);
  return Math.max(patches(), Math.min(places() - 1, patches() + Math.floor(within * (places() - patches()))));
}

/** Where the winner of a token stands. */
function winner(token) {
  const match = maps().entry.tokens[token];
  if (match.slot === "patch") return maps().cell(match);
  return patches() + maps().entry.others.slots.findIndex((slot) => slot.vector === match.vector);
}

/** As high as can be while the rows fit on a screen, but never so low that labels touch. */
function rowHeight() {
  const type = parseFloat(getComputedStyle(part("labels")).fontSize);
  return Math.round(type * Math.max(1.12, Math.min(1.92, 37 / state.rows.length)));
}

// ---------------------------------------------------------------------------------------------- drawing

function build() {
  const root = part("matrix");
  root.hidden = !state.lens?.found;
  if (root.hidden) return;
  const { entry } = maps();
  state.rows = tokens().map((token) => token.index);
  if (state.order === "maxsim") state.rows.sort((a, b) => entry.tokens[b].maxsim - entry.tokens[a].maxsim);
  const row = rowHeight();
  part("grid").style.setProperty("--row", `${row}px`);
  part("cells").style.height = `${row * state.rows.length}px`;
  const names = (digits) =>
    state.rows.map((index) => {
      const token = tokens()[index];
      const kind = `${token.kind}${state.lens.off.has(index) ? " off" : ""}`;
      return node(
        "span",
        {
          class: kind,
          "data-token": index,
          title: spoken(token, tokens()),
          onpointerenter: () => point({ row: state.rows.indexOf(index), place: null }),
          onpointerleave: () => point(null),
          onclick: (event) => state.lens.pin(index, event.shiftKey),
        },
        digits ? shown(entry.tokens[index].maxsim) : label(token),
      );
    });
  part("labels").replaceChildren(...names(0));
  part("sums").replaceChildren(...names(3));
  const others = places() - patches();
  const counting = state.rows.filter((index) => !state.lens.off.has(index));
  const score = tokens().reduce((sum, { index }) => (state.lens.off.has(index) ? sum : sum + entry.tokens[index].maxsim), 0);
  part("title").textContent = "The whole computation: keep each row’s maximum, add them up";
  part("text").textContent =
    `${plural(state.rows.length, "token")} × ${plural(places(), "vector")} of ${entry.source}, page ${entry.page}. ` +
    "A column is a vector of the page, a row a token of the query, a cell their cosine; rings mark the maximum of each row. " +
    `Darker is higher, on one scale from ${shown(scale().lo, 2)} to ${shown(scale().hi, 2)}; where columns are narrower ` +
    "than a pixel, the highest is drawn.";
  part("total").textContent = `${state.lens.off.size ? `${counting.length}: ` : "= "}${shown(score, 2)}`;
  const ends = [node("span", {}, `${count(patches())} patches`, node("span", { class: "order" }, ", in reading order →"))];
  if (others) {
    const at = node("span", { class: "end" }, `${count(others)} ${kindsOfOthers()}`);
    at.style.left = "100%";
    ends.push(at);
  }
  part("axis").replaceChildren(...ends);
  once.order(state.order);
  draw("all");
}

function kindsOfOthers() {
  const kinds = new Set(maps().entry.others.slots.map((slot) => slot.slot));
  if (kinds.size > 1) return "prompt tokens and thumbnail tiles";
  return kinds.has("tile") ? "thumbnail tiles" : "prompt tokens";
}

/** One scale for the whole matrix, patches and others. */
function scale() {
  return maps().cached("matrix", () => {
    const { lo, hi } = maps().extentOfAll(false);
    return { lo: maps().others.reduce((low, value) => Math.min(low, value), lo), hi: maps().others.reduce((top, value) => Math.max(top, value), hi) };
  });
}

/** Paint "all" or the "marks" now, or when somebody can see it: above it the lens is busy enough. */
function draw(what) {
  if (!state.near) state.stale = what === "all" ? what : (state.stale ?? what);
  else if (what === "all") paint(true);
  else paintMarks();
}

function paint(force = false) {
  const canvas = part("base");
  const box = part("cells").getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
  if (!width || !height) return;
  if (force || canvas.width !== width || canvas.height !== height) {
    for (const name of ["base", "marks"]) Object.assign(part(name), { width, height });
    paintBase(canvas, width);
  }
  paintMarks();
}

/** One pixel a row, as wide as the screen has pixels; stretched to the height of the rows. */
function paintBase(canvas, width) {
  const { lo, hi } = scale();
  const found = maps();
  const total = places();
  const strip = document.createElement("canvas");
  Object.assign(strip, { width, height: state.rows.length });
  const image = new ImageData(width, state.rows.length);
  const columns = Array.from({ length: total }, (_, place) => [
    Math.floor(left(place) * width),
    Math.max(Math.floor(left(place) * width) + 1, Math.floor(right(place) * width)),
  ]);
  const highest = new Float32Array(width);
  state.rows.forEach((token, row) => {
    highest.fill(-2);
    for (let place = 0; place < total; place++) {
      const value = found.at(token, place);
      for (let x = columns[place][0]; x < columns[place][1] && x < width; x++) if (value > highest[x]) highest[x] = value;
    }
    const weight = state.lens.off.has(token) ? 0.25 : 1;
    for (let x = 0; x < width; x++) {
      if (highest[x] < -1.5) continue;
      const at = 4 * (row * width + x);
      // A power, so that the many ordinary cosines stay pale beside the few high ones.
      paintColor(image.data, at, ((highest[x] - lo) / (hi - lo || 1)) ** 3);
      image.data[at + 3] *= weight;
    }
  });
  strip.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  const ratio = canvas.height / state.rows.length;
  const gap = GAP * (window.devicePixelRatio || 1);
  context.imageSmoothingEnabled = false;
  state.rows.forEach((_, row) =>
    context.drawImage(strip, 0, row, width, 1, 0, Math.round(row * ratio), width, Math.round((row + 1) * ratio) - Math.round(row * ratio) - gap),
  );
}

/** The rings, the row and the column of what the lens shows. */
function paintMarks() {
  const canvas = part("marks");
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  const tall = height / state.rows.length;
  context.clearRect(0, 0, width, height);
  const view = state.lens.view;
  const lit = new Set(view.whole ? state.rows : view.items.flatMap((item) => item.tokens));

  if (lit.size < state.rows.length) {
    context.fillStyle = PAPER;
    context.globalAlpha = 0.62;
    state.rows.forEach((token, row) => {
      if (!lit.has(token)) context.fillRect(0, row * tall, width, tall);
    });
    context.globalAlpha = 1;
  }
  const patch = state.lens.patch;
  const place = state.at?.place ?? (patch ? patch.row * maps().entry.grid.cols + patch.col : null);
  if (place !== null && place !== undefined) {
    const x = left(place) * width;
    const wide = Math.max(right(place) * width - x, ratio);
    context.fillStyle = POINTER;
    context.fillRect(x - ratio, 0, ratio, height);
    context.fillRect(x + wide, 0, ratio, height);
  }
  state.rows.forEach((token, row) => {
    const where = winner(token);
    const middle = ((left(where) + right(where)) / 2) * width;
    const half = Math.max((right(where) - left(where)) * width, 7 * ratio) / 2 + ratio;
    const top = row * tall + ratio;
    context.globalAlpha = lit.has(token) ? 1 : 0.35;
    for (const [color, line] of [
      [PAPER, 4],
      [INK, 1.75],
    ]) {
      context.strokeStyle = color;
      context.lineWidth = line * ratio;
      context.strokeRect(middle - half, top, 2 * half, tall - 3 * ratio);
    }
  });
  context.globalAlpha = 1;
  for (const holder of [part("labels"), part("sums")])
    for (const one of holder.children) one.classList.toggle("lit", !view.whole && lit.has(Number(one.dataset.token)));
  drawReadout(place, view);
}

function drawReadout(place, view) {
  const line = part("readout");
  const token = state.at ? state.rows[state.at.row] : view.whole || view.items[0].tokens.length > 1 ? null : view.items[0].tokens[0];
  if (place === null || place === undefined || token === null) return line.replaceChildren();
  const { grid, others, tokens: matches } = maps().entry;
  const name =
    place < patches()
      ? `patch ${place} (row ${Math.floor(place / grid.cols)}, col ${place % grid.cols})`
      : others.slots[place - patches()].slot === "text"
        ? `prompt token ${slotText(others.slots[place - patches()])}, off the image`
        : "thumbnail tile, off the image";
  const value = maps().at(token, place);
  const lead = matches[token].maxsim - value;
  line.replaceChildren(
    `S[${spoken(tokens()[token], tokens())}, ${name}] = `,
    node("b", {}, shown(value)),
    place === winner(token) ? " · the row’s maximum: its MaxSim" : ` · ${shown(lead)} below the row’s maximum`,
  );
}

// ---------------------------------------------------------------------------------------------- pointing

/** Move the lens to a cell {row, place}; null: away. A place of null is the whole row. */
function point(at) {
  if (String([at?.row, at?.place]) === String([state.at?.row, state.at?.place])) return;
  state.at = at;
  const { cols } = maps().entry.grid;
  const patch =
    at && at.place !== null && at.place < patches() ? { row: Math.floor(at.place / cols), col: at.place % cols } : null;
  state.lens.point(at ? state.rows[at.row] : null, patch);
}

function cellAt(event) {
  const box = part("cells").getBoundingClientRect();
  const row = Math.floor(((event.clientY - box.top) / box.height) * state.rows.length);
  if (row < 0 || row >= state.rows.length) return null;
  return { row, place: placeAt(Math.max(0, Math.min(1, (event.clientX - box.left) / box.width))) };
}

const cells = part("cells");
cells.addEventListener("pointermove", (event) => point(cellAt(event)));
cells.addEventListener("pointerdown", (event) => point(cellAt(event)));
cells.addEventListener("pointerleave", () => point(null));
cells.addEventListener("click", (event) => {
  const at = cellAt(event);
  if (at) state.lens.pin(state.rows[at.row], event.shiftKey);
});
cells.addEventListener("keydown", (event) => {
  const lit = state.lens.view.items[0]?.tokens[0];
  const row = state.at?.row ?? Math.max(0, state.rows.indexOf(lit));
  const place = state.at?.place ?? winner(state.rows[row]);
  const to = (r, p) => ({ row: Math.max(0, Math.min(state.rows.length - 1, r)), place: Math.max(0, Math.min(places() - 1, p)) });
  const next = {
    ArrowUp: () => to(row - 1, place),
    ArrowDown: () => to(row + 1, place),
    ArrowLeft: () => to(row, place - 1),
    ArrowRight: () => to(row, place + 1),
    Home: () => to(row, winner(state.rows[row])),
  }[event.key];
  if (next) point(next());
  else if (event.key === "Enter") state.lens.pin(state.rows[row], event.shiftKey);
  else if (event.key === "Escape") point(null);
  else return;
  event.preventDefault();
});
cells.addEventListener("blur", () => point(null));
cells.addEventListener("focus", () => come(true)); // the browser scrolls there, but the observer hears of it later

// ---------------------------------------------------------------------------------------------- once

const once = {
  order: segments(part("order"), ORDERS, (choice) => {
    state.order = choice;
    build();
  }),
};

function follow(lens, what) {
  state.lens = lens;
  if (what === "page") {
    state.at = null;
    build();
  } else if (lens?.found && !part("matrix").hidden) draw("marks");
}

document.addEventListener("lens-change", (event) => {
  if (event.target.closest(`#${props.of}`)) follow(event.detail.lens, event.detail.what);
});
new ResizeObserver(() => {
  if (!state.lens?.found) return;
  if (state.near) paint();
  else draw("all");
}).observe(cells);
function come(near) {
  state.near = near;
  if (!near || !state.stale || !state.lens?.found) return;
  draw(state.stale);
  state.stale = null;
}
new IntersectionObserver((entries) => come(entries[entries.length - 1].isIntersecting), { rootMargin: "300px" }).observe(cells);
window.addEventListener("beforeprint", () => come(true));
follow(document.querySelector(`#${props.of} [data-lens]`)?.lens, "page");
