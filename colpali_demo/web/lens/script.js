// The lens. Gradio runs this text, after the other scripts of the component, as the body of a function
// (element, trigger, props, server, upload, watch).
//
// The value arrives once per search (see payload.py) and everything here is drawn from it, so that moving from token to
// token asks the server nothing.

const OVERLAYS = [
  ["similarity", "Similarity", "Cosine of the token with every patch"],
  ["contribution", "Contribution", "Each token’s MaxSim on the patch that won it"],
  ["winners", "Winners", "Numbered boxes, with lines to their chips"],
  ["spotlight", "Spotlight", "The page darkened but for the hot patches"],
];
const SCALES = [
  ["token", "This token"],
  ["page", "This page"],
  ["all", "All pages"],
];
const UNITS = [
  ["token", "Tokens"],
  ["word", "Words", "Subwords grouped: their maxima add up"],
];
const PICTURES = [
  ["page", "Page"],
  ["input", "Model input", "The page squashed to the shape that the model sees"],
];
const COUNTS = [
  ["all", "All tokens count"],
  ["typed", "Only typed words"],
];

const state = {
  found: null, // the decoded value
  key: null, // the page on show
  other: null, // the page it is compared with
  ranking: [], // as it is with the tokens that count
  before: new Map(), // page -> rank before the last change of what counts
  unit: stored?.getItem("lens-unit") || "token",
  items: [], // tokens or words, see itemsOf
  pins: [], // ids of items; none: the sum
  preview: null, // the id of an item or SUM, while the pointer is over it
  several: false, // whether a click pins one more
  overlay: "similarity",
  picture: "page",
  zoom: { factor: 1, x: 0, y: 0 }, // x, y: the corner of the page at the top left of the frame, in shares of the page
  patch: null, // {row, col, side, pinned} under the pointer or the keyboard's cursor
  off: new Set(), // indices of tokens that do not count
  scale: stored?.getItem("lens-scale") || "page",
  threshold: null, // where nothing is drawn below: a share of the scale, or null for `cut`'s choice
  opacity: 0.8,
  smooth: false,
  calibrated: false,
  registers: false,
  wanted: null, // a page asked of the server, to be compared with the one on show
  view: null, // what `look` made last
};
const stages = [new Stage(0), new Stage(1)];
/** Whether there is no server to ask, or none whose model is there. */
const alone = () => Boolean(props.offline || state.found.value.opening);
const shownStages = () => (state.other ? stages : stages.slice(0, 1));

// ---------------------------------------------------------------------------------------------- what is on show

/**
 * What the stages draw. `whole` is true for the sum; `items` are those chosen, `parts` those whose winners are boxed;
 * every layer has its values for each stage and the scale they are drawn on.
 */
function look() {
  const { found } = state;
  const ids = state.preview !== null ? [state.preview] : state.pins;
  const whole = !ids.length || ids[0] === SUM;
  const chosen = whole ? [] : ids.map((id, at) => ({ ...itemOf(id), color: PIN_COLORS[at % MAX_PINS] }));
  const sum = { id: SUM, tokens: counted(), name: "the whole query" };
  const parts = whole
    ? items()
        .map((item) => ({ ...item, tokens: item.tokens.filter((token) => !state.off.has(token)) }))
        .filter((item) => item.tokens.length)
    : chosen;
  const overlay = whole && state.overlay === "similarity" ? "contribution" : state.overlay;
  const pages = shownStages().map((stage) => stage.maps);
  const every = [...found.pages.values()];
  const exact = overlay === "contribution" || overlay === "winners" || whole;
  let layers;
  if (exact) {
    const indices = parts.flatMap((item) => item.tokens);
    const values = pages.map((maps) => maps.contribution(indices));
    const scope = state.scale === "all" ? every.map((maps) => maps.contribution(indices)) : values;
    const hi = Math.max(1e-6, ...scope.map((each) => each.reduce((top, value) => Math.max(top, value), 0)));
    layers = [{ item: sum, values, lo: 0, hi, threshold: overlay === "spotlight" ? Number.MIN_VALUE : 0, exact: true }];
  } else
    layers = chosen.map((item) => {
      const range = rangeOf(item, pages, every);
      const { lo, hi } = range;
      return {
        item,
        values: pages.map((maps) => maps.map(item, state.calibrated)),
        lo,
        hi,
        threshold: state.threshold === null ? cut(range) : lo + state.threshold * (hi - lo),
        color: item.color,
      };
    });
  return { overlay, whole, items: whole ? [sum] : chosen, parts, layers };
}

function rangeOf(item, pages, every) {
  if (state.scale === "token") return union(pages.map((maps) => maps.extent(item, state.calibrated)));
  if (state.scale === "page") return union(pages.map((maps) => maps.extentOfAll(state.calibrated)));
  return state.calibrated ? union(every.map((maps) => maps.extentOfAll(true))) : state.found.value.range;
}

const union = (extents) => ({
  lo: Math.min(...extents.map((each) => each.lo)),
  median: extents.reduce((sum, each) => sum + each.median, 0) / extents.length,
  hi: Math.max(...extents.map((each) => each.hi)),
});

/** Draw everything that depends on what is chosen, and tell what has changed. */
function show(what = "selection") {
  if (!state.found) return;
  const view = (state.view = look());
  for (const stage of shownStages()) {
    stage.paint(view);
    stage.drawBoxes(view);
    stage.drawCaption(view);
    stage.drawCard();
  }
  drawHeadline(view);
  drawScale(view);
  mark(view);
  drawLeaders();
  tell(what);
}

/** Everything that depends on the page, too. */
function build() {
  state.ranking = ranked(state.found, state.off);
  part("stages").replaceChildren(...shownStages().map((stage) => stage.root));
  part("columns").classList.toggle("comparing", Boolean(state.other));
  stages[0].open(state.key);
  if (state.other) stages[1].open(state.other);
  const { entry } = stages[0];
  once.picture(state.picture, (choice) => choice === "input" && !entry.input);
  once.unit(state.unit);
  for (const name of ["several", "smooth", "calibrated", "registers"]) part(name).checked = state[name];
  const registers = stages[0].maps.registers().length;
  part("registers-count").textContent = `(${registers})`;
  part("registers-label").title =
    `Patches that are among the hottest ${percent(REGISTER_SHARE)} for at least ${percent(REGISTER_TOKENS)} of all tokens: hot whatever is asked`;
  buildRanking();
  buildChips();
  buildLedger();
  drawWhatIf();
  drawZoom();
  for (const stage of shownStages()) stage.measure();
  show("page");
}

// ---------------------------------------------------------------------------------------------- what visitors do

function preview(id) {
  if (state.preview === id) return;
  state.preview = id;
  show();
}

/** Pin an item: alone, or one more. Once more on a pinned item releases it. */
function pin(id, more = false) {
  state.preview = null;
  if (id === SUM) state.pins = [];
  else if (state.pins.includes(id)) state.pins = more || state.pins.length === 1 ? state.pins.filter((other) => other !== id) : [id];
  else state.pins = more ? [...state.pins, id].slice(-MAX_PINS) : [id];
  show();
}

function setPatch(patch) {
  state.patch = patch;
  for (const stage of shownStages()) stage.drawCard();
  tell("patch");
}

function setZoom(factor, x, y) {
  const keep = (start) => Math.max(0, Math.min(1 - 1 / factor, start));
  state.zoom = { factor, x: keep(x), y: keep(y) };
  for (const stage of shownStages()) {
    stage.zoom();
    stage.paint(state.view);
    stage.drawCard();
  }
  drawZoom();
  drawLeaders();
}

function drawZoom() {
  const { factor } = state.zoom;
  part("zoom-reset").textContent = `${Math.round(100 * factor)} %`;
  part("zoom-out").disabled = factor <= 1;
  part("zoom-in").disabled = factor >= MAX_ZOOM;
}

/** Let tokens count or not; null: let all count. */
function setOff(indices, off) {
  state.before = new Map(state.found.value.ranking.map((entry) => [entry.key, entry.rank]));
  if (indices === null) state.off = new Set();
  else
    for (const index of indices)
      if (off) state.off.add(index);
      else state.off.delete(index);
  state.ranking = ranked(state.found, state.off);
  const box = document.activeElement?.dataset?.count;
  buildRanking();
  buildChips();
  buildLedger();
  drawWhatIf();
  show("page");
  if (box === undefined) return;
  for (const each of part("ledger").querySelectorAll("[data-count]")) each.tabIndex = each.dataset.count === box ? 0 : -1;
  part("ledger").querySelector(`[data-count="${CSS.escape(box)}"]`)?.focus();
}

function openPage(key) {
  if (!state.found.pages.has(key)) return request(key);
  if (key === state.other) state.other = null;
  Object.assign(state, { key, patch: null, preview: null });
  build();
}

/** Compare the page on show with another; null ends it. */
function compare(key) {
  if (key && !state.found.pages.has(key)) {
    state.wanted = key;
    return request(key);
  }
  Object.assign(state, { other: key, patch: null, preview: null });
  build();
}

function request(key) {
  part("ranking")
    .querySelector(`[data-key="${CSS.escape(key)}"]`)
    ?.setAttribute("aria-busy", "true");
  trigger("open_page", { key, search: state.found.value.search });
}

/** Ask for the query encoded with another prefix and number of augmentation tokens; null: as usual. */
function encodeAgain(changes) {
  const { model } = state.found.value;
  part("again-form").setAttribute("aria-busy", "true");
  const { prefix, augmentation } = changes || model;
  trigger("encode_again", { prefix, augmentation: String(augmentation) });
}

// ---------------------------------------------------------------------------------------------- the value

/** The typed item with the largest MaxSim on a patch; what a visitor sees first. */
function firstPin() {
  const terms = state.found.ledger(state.key);
  const all = tokens();
  const typed = entryOf(state.key).tokens.filter(
    ({ index, slot }) => slot === "patch" && all[index].kind === "word" && /[\p{L}\p{N}]{3}/u.test(all[index].text),
  );
  if (!typed.length) return [];
  const best = typed.reduce((top, match) => (terms[match.index] > terms[top.index] ? match : top)).index;
  return [items().find((item) => item.tokens.includes(best)).id];
}

function showMessage(value) {
  state.found = null;
  delete element.dataset.search;
  part("notes").replaceChildren();
  part("empty-title").textContent = value?.title || "";
  part("empty-text").textContent = value?.message || "";
  part("empty").hidden = false;
  part("body").hidden = true;
  tell("page");
}

/** Where the chips scroll, on small screens: bring the pinned one into sight. */
function revealPin() {
  const list = part("chips");
  const { left, width } = list.querySelector("[aria-pressed=true]").getBoundingClientRect();
  const box = list.getBoundingClientRect();
  if (list.scrollWidth > list.clientWidth) list.scrollLeft += left - box.left - (box.width - width) / 2;
}

let latest = null; // the value that came last, while its arrays may still be on their way

async function load() {
  const value = (latest = props.value);
  if (!value?.focus) return showMessage(value);
  let found;
  try {
    found = await decoded(value);
  } catch {
    return showMessage({ title: "This explanation is gone", message: "Search again." });
  }
  if (latest !== value) return;
  const before = state.found?.value;
  const words = ({ query }) => JSON.stringify(query.tokens);
  const same = before && words(before) === words(value);
  const versus = same && state.wanted === value.focus && found.pages.has(state.key);
  // What was computed beforehand gives way to the search itself: leave the visitor at the page they look at.
  const relieved = same && before.opening && found.pages.has(state.key);
  // Encoded otherwise than before: show which pages moved.
  const again = before && !before.opening && !same && before.query.text === value.query.text;
  const key = versus || relieved ? state.key : value.focus;
  Object.assign(state, {
    found,
    key,
    other: versus ? value.focus : same && found.pages.has(state.other) && state.other !== key ? state.other : null,
    wanted: null,
    patch: null,
    preview: null,
    items: itemsOf(value.query, state.unit),
  });
  if (!same) {
    state.off = new Set();
    const told = before ? "" : props.start ? new URLSearchParams(props.start) : props.offline ? "" : window.location.search;
    if (!restore(told)) state.pins = firstPin();
    const ranking = again ? before.ranking : value.ranking;
    state.before = new Map(ranking.map((entry) => [entry.key, entry.rank]));
  }
  part("empty").hidden = true;
  part("body").hidden = false;
  buildNotes();
  drawAgain();
  drawTake();
  part("again-form").removeAttribute("aria-busy");
  build();
  if (!same) revealPin();
  element.dataset.search = value.search;
}

// ---------------------------------------------------------------------------------------------- once

const set = (name, value, keep = false) => {
  state[name] = value;
  if (keep) stored?.setItem(`lens-${name}`, value);
};
const once = {
  overlay: segments(part("overlay"), OVERLAYS, (choice) => {
    set("overlay", choice);
    show();
  }),
  scale: segments(part("scale"), SCALES, (choice) => {
    set("scale", choice, true);
    show();
  }),
  unit: segments(part("unit"), UNITS, (choice) => {
    const pinned = state.pins.flatMap((id) => itemOf(id).tokens);
    set("unit", choice, true);
    state.items = itemsOf(state.found.value.query, choice);
    state.pins = items()
      .filter((item) => item.tokens.some((token) => pinned.includes(token)))
      .map((item) => item.id)
      .slice(0, MAX_PINS);
    build();
  }),
  picture: segments(part("picture"), PICTURES, (choice) => {
    set("picture", choice);
    build();
  }),
  counts: segments(part("counts"), COUNTS, (choice) => {
    state.off = new Set();
    setOff(choice === "all" ? [] : tokens().flatMap(({ index, kind }) => (kind === "word" ? [] : [index])), true);
  }),
};
for (const name of ["threshold", "opacity"])
  part(name).addEventListener("input", (event) => {
    state[name] = Number(event.target.value);
    show();
  });
for (const name of ["several", "smooth", "calibrated", "registers"])
  part(name).addEventListener("change", (event) => {
    state[name] = event.target.checked;
    if (name === "calibrated") state.threshold = null;
    show();
  });
part("zoom-in").addEventListener("click", () => stages[0].zoomAt(2));
part("zoom-out").addEventListener("click", () => stages[0].zoomAt(0.5));
part("zoom-reset").addEventListener("click", () => setZoom(1, 0, 0));
part("again-form").addEventListener("submit", (event) => {
  event.preventDefault();
  encodeAgain({ prefix: part("prefix").value, augmentation: Number(part("augmentation").value) });
});

// The keyboard previews as the pointer does: the chip with the focus is shown until the focus leaves.
roving(part("chips"), ".chip", (chip) => preview(chip.dataset.token));
part("chips").addEventListener("focusout", (event) => {
  if (!part("chips").contains(event.relatedTarget) && !part("chips").matches(":hover")) preview(null);
});
part("chips").addEventListener("scroll", drawLeaders, { passive: true });
roving(part("ledger"), "[data-count]", (box) => preview(box.dataset.count));
part("ledger").addEventListener("focusout", (event) => {
  if (!part("ledger").contains(event.relatedTarget) && !part("ledger").matches(":hover")) preview(null);
});

element.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !state.found) return;
  if (state.patch) state.patch = null;
  else state.pins = [];
  state.preview = null;
  show();
});

// ---------------------------------------------------------------------------------------------- for other components

/** Tell other components on the page what has changed: "page", "selection" or "patch". */
function tell(what) {
  element.dispatchEvent(new CustomEvent("lens-change", { bubbles: true, detail: { what, lens: element.lens } }));
}

element.lens = {
  /** What a search found, decoded; null when there is nothing to show. */
  get found() {
    return state.found;
  },
  get key() {
    return state.key;
  },
  get view() {
    return state.view;
  },
  get patch() {
    return state.patch;
  },
  get off() {
    return state.off;
  },
  /** Preview a token, and point at a patch {row, col} of the page on show; null: neither. */
  point(token, patch) {
    state.patch = patch ? { ...patch, side: 0 } : null;
    const item = token === null ? null : items().find((each) => each.tokens.includes(token));
    state.preview = item ? item.id : null;
    show();
  },
  pin(token, more) {
    pin(items().find((item) => item.tokens.includes(token)).id, more);
  },
};
element.lensValue = () => state.found.value; // the JSON behind the picture, for scripts
element.dataset.lens = "";

watch("value", load);
load();
