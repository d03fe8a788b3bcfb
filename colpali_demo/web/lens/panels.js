// What stands around the page: chips, headline, scale, ledger, ranking, notes.

const HISTOGRAM_BINS = 64;
const MAX_PINS = PIN_COLORS.length;

const items = () => state.items;
const itemOf = (id) => state.items.find((item) => item.id === id);
const tokens = () => state.found.value.query.tokens;
const entryOf = (key) => state.found.pages.get(key).entry;

/** Indices of the tokens that count: all, unless the visitor has turned some off. */
const counted = () => tokens().flatMap(({ index }) => (state.off.has(index) ? [] : [index]));
const scoreOf = (key) => state.ranking.find((entry) => entry.key === key).score;
const sumOf = (key, indices) => indices.reduce((sum, index) => sum + state.found.ledger(key)[index], 0);

/** Listeners that preview an item while the pointer is over something. */
function previewing(id) {
  return {
    onpointerenter: (event) => {
      if (event.pointerType === "touch") return; // a tap pins; previews are for pointers that hover
      preview(id);
    },
    onpointerleave: () => preview(null),
  };
}

// ---------------------------------------------------------------------------------------------- chips

function buildChips() {
  const terms = state.found.ledger(state.key);
  const values = items().map((item) => sumOf(state.key, item.tokens));
  const top = Math.max(...values, 1e-6);
  const chip = (id, kind, text, title, value, digits, share) => {
    const bar = node("span", { class: "chip-bar" }, node("i"));
    bar.firstChild.style.width = `${Math.max(0, 100 * share)}%`;
    return node(
      "button",
      {
        type: "button",
        class: `chip ${kind}`,
        "data-token": id,
        title,
        onclick: (event) => pin(id, event.shiftKey || event.ctrlKey || event.metaKey || state.several),
        ...previewing(id),
      },
      node("span", { class: "chip-text" }, text),
      node("span", { class: "chip-value" }, shown(value, digits)),
      bar,
    );
  };
  const chips = [chip(SUM, "total", "SUM", "Contribution map of the whole query", scoreOf(state.key), 2, 1)];
  let group = null;
  let word = null;
  items().forEach((item, at) => {
    const matches = item.tokens.map((token) => entryOf(state.key).tokens[token]);
    const what = `${item.name}, ${KINDS[item.kind]}`;
    const sum = item.tokens.length > 1 ? ` = ${item.tokens.map((token) => shown(terms[token])).join(" + ")}` : "";
    const title = `${what} · MaxSim ${shown(values[at])}${sum} · ${matches.map(place).join("; ")}`;
    const made = chip(item.id, item.kind, item.label, title, values[at], 3, values[at] / top);
    made.prepend(node("span", { class: "chip-number", "aria-hidden": "true" }, String(item.number)));
    if (matches.some((match) => match.slot !== "patch")) made.classList.add("away");
    const off = item.tokens.filter((token) => state.off.has(token)).length;
    if (off) made.classList.add(off === item.tokens.length ? "off" : "partly");
    // Subwords of one typed word stand together.
    if (item.word === null || item.word !== word) {
      group = node("span", { class: "group", role: "presentation" });
      chips.push(group);
    }
    word = item.word;
    group.append(made);
  });
  const list = part("chips");
  const scroll = list.children.length ? list.scrollLeft : 0;
  const focused = list.contains(document.activeElement) && document.activeElement.dataset.token;
  list.replaceChildren(...chips);
  if (scroll) list.scrollLeft = scroll;
  const stop = list.querySelector(`[data-token="${CSS.escape(focused || state.pins[0] || SUM)}"]`) || chips[0];
  for (const made of list.querySelectorAll(".chip")) made.tabIndex = made === stop ? 0 : -1;
  if (focused) stop.focus({ preventScroll: true });
}

/** Light up what is on show in chips, ledger and stack. */
function mark(view) {
  const lit = new Set(view.whole ? [SUM] : view.items.map((item) => item.id));
  const colors = view.items.length > 1 ? new Map(view.items.map((item) => [item.id, item.color])) : new Map();
  const pinned = new Set(state.pins.length ? state.pins : [SUM]);
  element.dataset.overlay = view.overlay;
  part("chips").classList.toggle("numbered", view.overlay === "winners" || view.items.length > 1);
  for (const holder of [part("chips"), part("ledger"), part("stack")])
    for (const one of holder.querySelectorAll("[data-token]")) {
      const id = one.dataset.token;
      one.classList.toggle("lit", lit.has(id));
      const color = colors.get(id) || "";
      if (one.style.getPropertyValue("--pin") !== color) one.style.setProperty("--pin", color);
      if (one.classList.contains("chip")) mend(one, "aria-pressed", String(pinned.has(id)));
    }
  part("key").replaceChildren(
    ...(view.items.length > 1
      ? view.items.map((item) => {
          const swatch = node("span", { class: "key-pin" }, node("b", {}, String(item.number)), ` ${item.name}`);
          swatch.style.setProperty("--pin", item.color);
          return swatch;
        })
      : []),
  );
}

// ---------------------------------------------------------------------------------------------- headline

function drawHeadline(view) {
  const strong = (text) => node("b", {}, text);
  const line = (...parts) => part("headline").replaceChildren(...parts);
  const score = scoreOf(state.key);
  const chosen = view.parts.flatMap((item) => item.tokens);
  const mine = sumOf(state.key, chosen);
  if (state.other) {
    const theirs = sumOf(state.other, chosen);
    const lead = score - scoreOf(state.other);
    const what = view.whole ? "Score" : view.items.map((item) => item.name).join(" + ");
    return line(
      strong(what),
      ` · A ${shown(mine, view.whole ? 2 : 3)} − B ${shown(theirs, view.whole ? 2 : 3)} = `,
      strong(signed(mine - theirs)),
      view.whole
        ? `, the sum of ${plural(chosen.length, "difference")} below`
        : ` of the ${signed(lead)} by which A is ${lead < 0 ? "behind" : "ahead"}`,
    );
  }
  if (view.whole) {
    const typed = chosen.filter((token) => tokens()[token].kind === "word");
    const words = sumOf(state.key, typed);
    const away = chosen.filter((token) => entryOf(state.key).tokens[token].slot !== "patch").length;
    const share = score > 0 ? ` (${percent((score - words) / score)})` : "";
    return line(
      "Score ",
      strong(shown(score, 2)),
      ` = ${plural(chosen.length, "MaxSim term")}: `,
      `${shown(words, 2)} from ${plural(typed.length, "token")} you typed, `,
      `${shown(score - words, 2)}${share} from ${count(chosen.length - typed.length)} the model adds`,
      away ? ` · ${plural(away, "term")} won off the image` : "",
    );
  }
  const ofScore = score > 0 && chosen.every((token) => !state.off.has(token)) ? ` (${percent(mine / score)} of ${shown(score, 2)})` : "";
  const off = chosen.some((token) => state.off.has(token)) ? " · turned off, it does not count" : "";
  if (chosen.length === 1) {
    const match = entryOf(state.key).tokens[chosen[0]];
    const where = {
      patch: () => `is patch (row ${match.row}, col ${match.col})`,
      text: () => `is off the image: prompt token ${slotText(match)}`,
      tile: () => "is off the image: a tile of the thumbnail",
    }[match.slot]();
    return line(
      strong(view.items[0].name),
      ` · best of ${count(entryOf(state.key).vectors)} vectors ${where} = `,
      strong(shown(match.maxsim)),
      ofScore,
      off,
    );
  }
  const terms = view.items.flatMap((item, at) => [
    at ? " + " : "",
    view.items.length > 1 ? `${item.name} ` : "",
    item.tokens.map((token) => shown(state.found.ledger(state.key)[token])).join(" + "),
  ]);
  const title = view.items.length > 1 ? [] : [strong(view.items[0].name), ` · ${plural(chosen.length, "token")} · `];
  line(...title, ...terms, " = ", strong(shown(mine)), ofScore, off);
}

// ---------------------------------------------------------------------------------------------- scale

function drawScale(view) {
  const { layers, overlay, whole } = view;
  const [first] = layers;
  const { lo, hi } = { lo: Math.min(...layers.map((layer) => layer.lo)), hi: Math.max(...layers.map((layer) => layer.hi)) };
  const span = hi - lo || 1;
  const exact = first.exact;
  const cells = layers.length * first.values.reduce((sum, values) => sum + values.length, 0);
  part("scale-title").textContent = exact ? "MaxSim placed on winners" : `All ${count(cells)} similarities`;
  drawHistogram(layers, lo, span);

  const legends = part("legends");
  while (legends.children.length > layers.length) legends.lastChild.remove();
  while (legends.children.length < layers.length)
    legends.append(node("div", {}, node("canvas", { class: "legend", width: 512, height: 1 }), node("span")));
  layers.forEach((layer, i) => {
    const [canvas, number] = legends.children[i].children;
    drawLegend(canvas, layer, lo, span, view);
    number.textContent = layers.length > 1 ? layer.item.number : "";
  });

  const marks = [];
  const tick = (value, kind) => {
    const share = (value - lo) / span;
    const made = node("span", { class: `tick ${kind}` }, shown(value, 2));
    made.style.left = `${100 * share}%`;
    if (share > 0.86) made.classList.add("end");
    else if (share < 0.12) made.classList.add("start");
    marks.push(made);
  };
  tick(lo, "limit");
  tick(hi, "limit");
  if (layers.length === 1 && !exact) {
    const share = (first.threshold - lo) / span;
    if (share > 0.16 && share < 0.84) tick(first.threshold, "cut");
    else marks.push(node("span", { class: "tick cut bare", style: `left:${100 * share}%` }));
  }
  part("ticks").replaceChildren(...marks);

  const where = state.other ? "both pages" : "this page";
  const scaleName = {
    token: layers.length > 1 ? "each token" : `this ${first.item?.tokens.length > 1 ? "word" : "token"}`,
    page: exact ? where : `${where}, all tokens`,
    all: exact || state.calibrated ? "all pages loaded" : "all pages and tokens",
  }[exact && state.scale === "token" ? "page" : state.scale];
  const minus = state.calibrated && !exact ? " minus a blank page’s" : "";
  const below = [...new Set(layers.map((layer) => shown(layer.threshold, 2)))].join(", ");
  const texts = exact
    ? [
        overlay === "contribution" ? `Colors from 0 to ${shown(hi, 2)}, scale of ${scaleName}.` : "",
        "A patch that wins several tokens carries their sum.",
      ]
    : [
        `Cosine${minus}; colors on the scale of ${scaleName}.`,
        overlay === "spotlight" ? `Below ${below} the page is darkened.` : `Below ${below} nothing is drawn.`,
      ];
  if (!exact) texts.push("Bar heights are square roots of counts.");
  part("scale-text").textContent = texts.filter(Boolean).join(" ");

  once.scale(exact && state.scale === "token" ? "page" : state.scale, (choice) => exact && choice === "token");
  once.overlay(overlay, (choice) => whole && choice === "similarity");
  part("threshold").disabled = exact;
  part("threshold").value = state.threshold === null ? (first.threshold - first.lo) / (first.hi - first.lo || 1) : state.threshold;
  part("threshold-value").textContent = exact ? "" : layers.length > 1 ? percent(part("threshold").value) : below;
  part("opacity").value = state.opacity;
  part("opacity-value").textContent = percent(state.opacity);
  part("smooth").disabled = exact;
  part("calibrated").disabled = exact || !state.found.pages.get(state.key).background;
}

/** The histogram stands on the color scale: the same axis, so a bar's color is the color on the page. */
function drawHistogram(layers, lo, span) {
  const bins = layers.map(({ values, exact }) => {
    const counts = new Uint32Array(HISTOGRAM_BINS);
    for (const side of values)
      for (const value of side) {
        if (exact && value === 0) continue;
        counts[Math.max(0, Math.min(HISTOGRAM_BINS - 1, Math.floor(((value - lo) / span) * HISTOGRAM_BINS)))]++;
      }
    return counts;
  });
  const tallest = Math.max(1, ...bins.flatMap((counts) => [...counts]));
  const paths = [];
  layers.forEach((layer, at) => {
    const shape = { cool: "", warm: "" };
    bins[at].forEach((n, i) => {
      if (!n) return;
      // Square roots, so that the few hot patches stay visible beside a thousand cool ones.
      const height = Math.max(3, 96 * Math.sqrt(n / tallest));
      const kind = lo + ((i + 1) / HISTOGRAM_BINS) * span <= layer.threshold ? "cool" : "warm";
      shape[kind] += `M${i + 0.08} 100v${-height}h.84v${height}z`;
    });
    for (const [kind, d] of Object.entries(shape)) {
      const path = drawing("path", { d, class: layers.length > 1 ? `${kind} pinned` : kind });
      if (layers.length > 1) path.style.setProperty("--pin", layer.color);
      paths.push(path);
    }
  });
  part("histogram").replaceChildren(...paths);
}

function drawLegend(canvas, layer, lo, span, view) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, 1);
  const image = context.createImageData(canvas.width, 1);
  const put = view.layers.length > 1 ? tinted(layer) : heated({ ...layer, exact: false });
  for (let x = 0; x < canvas.width; x++) {
    const value = lo + ((x + 0.5) / canvas.width) * span;
    if (value < layer.threshold || value > layer.hi) continue;
    put(image.data, 4 * x, value);
    // As it looks on white paper.
    const alpha = image.data[4 * x + 3] / 255;
    for (let i = 0; i < 3; i++) image.data[4 * x + i] = 255 * (1 - alpha) + alpha * image.data[4 * x + i];
    image.data[4 * x + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// ---------------------------------------------------------------------------------------------- ledger

function buildLedger() {
  const { key, other } = state;
  const lines = items().map((item) => ({ item, mine: sumOf(key, item.tokens), theirs: other ? sumOf(other, item.tokens) : 0 }));
  const top = Math.max(...lines.map(({ mine, theirs }) => Math.abs(other ? mine - theirs : mine)), 1e-6);
  const head = (text, title, kind) => node("th", { scope: "col", title, class: kind }, text);
  const counts = head("", "Whether the token counts", "count");
  counts.append(node("span", { class: "hidden" }, "counts"));
  part("ledger-title").textContent = other
    ? `Why A is ${scoreOf(key) < scoreOf(other) ? "below" : "above"} B`
    : "How the score adds up";
  part("ledger-caption").textContent = other
    ? "MaxSim of every token on page A and on page B, and their difference"
    : "MaxSim of every token, its share of the score, and where it was found";
  part("ledger-head").replaceChildren(
    node(
      "tr",
      {},
      counts,
      head(state.unit === "word" ? "word" : "token"),
      node("td"),
      ...(other
        ? [head("A"), head("B"), head("A − B", "The differences add up to the difference of the scores")]
        : [
            head("MaxSim"),
            head("margin", "MaxSim minus the best vector elsewhere: outside the 3 × 3 patches around the winner"),
          ]),
    ),
  );
  part("ledger").replaceChildren(...lines.map((line, at) => ledgerLine(line, at, top)));
  const total = (value) => node("td", { class: "number" }, shown(value, 2));
  const [mine, theirs] = [scoreOf(key), other ? scoreOf(other) : 0];
  part("ledger-foot").replaceChildren(
    node(
      "tr",
      {},
      node("td"),
      node("th", { scope: "row" }, "score"),
      node("td", { class: "bar" }, `sum of ${counted().length}`),
      total(mine),
      ...(other ? [total(theirs), node("td", { class: "number" }, signed(mine - theirs))] : [node("td")]),
    ),
  );
  buildStack();
  const away = entryOf(key).tokens.some((match) => match.slot !== "patch");
  part("ledger-text").textContent = [
    specialShare(),
    other ? "" : "Margin: how far the winner is ahead of the best vector elsewhere on the page.",
    !other && away ? "Hollow bars: won off the image, by one of the page’s vectors that are no patches." : "",
    "Untick a token to see the scores without it.",
  ]
    .filter(Boolean)
    .join(" ");
  once.counts(countsChoice());
}

function specialShare() {
  const special = counted().filter((token) => tokens()[token].kind !== "word");
  const score = scoreOf(state.key);
  if (score <= 0) return "";
  return `Tokens you did not type account for ${percent(sumOf(state.key, special) / score)} of ${state.other ? "A’s" : "the"} score.`;
}

function ledgerLine({ item, mine, theirs }, at, top) {
  const { other } = state;
  const matches = item.tokens.map((token) => entryOf(state.key).tokens[token]);
  const away = !other && matches.every((match) => match.slot !== "patch");
  const off = item.tokens.every((token) => state.off.has(token));
  const found = matches.map(place).join("; ");
  const value = other ? mine - theirs : mine;
  const bar = node("i", { class: value < 0 ? "negative" : away ? "away" : null, title: away ? found : null }, away ? found : "");
  bar.style.width = `${((other ? 50 : 100) * Math.abs(value)) / top}%`;
  if (other) bar.style.marginLeft = value < 0 ? `${50 - (50 * Math.abs(value)) / top}%` : "50%";
  const box = node("input", {
    type: "checkbox",
    "aria-label": `Count ${item.name}`,
    tabindex: at ? -1 : 0,
    "data-count": item.id,
    onclick: (event) => event.stopPropagation(),
    onchange: (event) => setOff(item.tokens, !event.target.checked),
  });
  box.checked = !off;
  const number = (text, kind = "") => node("td", { class: `number ${kind}` }, text);
  const [match] = matches;
  return node(
    "tr",
    {
      "data-token": item.id,
      class: `${item.kind}${off ? " off" : ""}`,
      onclick: (event) => pin(item.id, event.shiftKey || event.ctrlKey || event.metaKey || state.several),
      ...previewing(item.id),
    },
    node("td", { class: "count" }, box),
    node("th", { scope: "row", title: `${item.name} · ${found}` }, item.label),
    node("td", { class: other ? "bar diverging" : "bar" }, bar, node("span", { class: "hidden" }, ` ${found}`)),
    ...(other
      ? [number(shown(mine)), number(shown(theirs), "quiet"), number(signed(mine - theirs))]
      : [
          number(shown(mine)),
          number(matches.length > 1 || match.margin === null ? "" : signed(match.margin), "quiet"),
        ]),
  );
}

function buildStack() {
  const terms = items().map((item) => [item, Math.max(0, sumOf(state.key, item.tokens.filter((token) => !state.off.has(token))))]);
  const total = terms.reduce((sum, [, value]) => sum + value, 0) || 1;
  part("stack").replaceChildren(
    ...terms.map(([item, value]) => {
      const piece = node("i", { "data-token": item.id, class: item.kind, ...previewing(item.id), onclick: () => pin(item.id, state.several) });
      piece.style.width = `${(100 * value) / total}%`;
      return piece;
    }),
  );
}

// ---------------------------------------------------------------------------------------------- what if

function countsChoice() {
  if (!state.off.size) return "all";
  const typed = tokens().every((token) => state.off.has(token.index) === (token.kind !== "word"));
  return typed ? "typed" : "";
}

function drawWhatIf() {
  const line = part("whatif");
  const { query } = state.found.value;
  if (state.off.size) {
    const mine = state.ranking.find((entry) => entry.key === state.key);
    const before = state.found.value.ranking.find((entry) => entry.key === state.key);
    line.replaceChildren(
      node("b", {}, "What if "),
      `${plural(state.off.size, "token")} did not count: score ${shown(before.score, 2)} → `,
      node("b", {}, shown(mine.score, 2)),
      `, rank ${before.rank} → `,
      node("b", {}, String(mine.rank)),
      " ",
      node("button", { type: "button", class: "linkish", onclick: () => setOff(null) }, "count all again"),
    );
  } else if (differs(query)) {
    line.replaceChildren(
      node("b", {}, "What if "),
      `encoded with prefix ${quoted(query.prefix.replace(/\n/g, "↵"))} and ${plural(query.augmentation, "augmentation token")} `,
      ...(alone()
        ? []
        : [node("button", { type: "button", class: "linkish", onclick: () => encodeAgain(null) }, "as usual")]),
    );
  } else line.replaceChildren();
}

/** Whether the query was encoded otherwise than the checkpoint does it. */
function differs(query) {
  const { model } = state.found.value;
  return query.prefix !== model.prefix || query.augmentation !== model.augmentation;
}

function drawAgain() {
  const { query, model } = state.found.value;
  part("again").hidden = alone();
  part("prefix").value = query.prefix;
  part("augmentation").value = query.augmentation;
  part("again-text").textContent =
    `This checkpoint was trained with the prefix ${quoted(model.prefix)} and ${plural(model.augmentation, "augmentation token")}.`;
}

// ---------------------------------------------------------------------------------------------- ranking

function buildRanking() {
  const { ranking } = state;
  const best = Math.max(...ranking.map((entry) => entry.score), 1e-6);
  const typed = counted().filter((token) => tokens()[token].kind === "word");
  const share = (entry) => {
    const words = sumOf(entry.key, typed);
    const bar = node("span", { class: "share", "aria-hidden": "true" }, node("i", { class: "typed" }), node("i"));
    bar.children[0].style.width = `${Math.max(0, (100 * words) / best)}%`;
    bar.children[1].style.width = `${Math.max(0, (100 * (entry.score - words)) / best)}%`;
    return bar;
  };
  const moved = (entry) => {
    const before = state.before.get(entry.key);
    if (!before || before === entry.rank) return null;
    const up = before > entry.rank;
    return node("span", { class: `moved ${up ? "up" : "down"}`, title: `was ${before}` }, `${up ? "▲" : "▼"}${Math.abs(before - entry.rank)}`);
  };
  const missing = (entry) => alone() && !state.found.pages.has(entry.key);
  const button = (entry, small) =>
    node(
      "div",
      { class: small ? "rank-item small" : "rank-item" },
      node(
        "button",
        {
          type: "button",
          class: small ? "rank-line" : "rank-card",
          "data-key": entry.key,
          "aria-current": entry.key === state.key ? "true" : null,
          title: `${entry.source}, page ${entry.page}`,
          disabled: missing(entry),
          onclick: () => openPage(entry.key),
        },
        small || !entry.thumb ? null : node("img", { src: entry.thumb.url, alt: "", loading: "lazy" }),
        node(
          "span",
          { class: "rank-numbers" },
          node("b", {}, `#${entry.rank}`, state.other && entry.key === state.key ? " A" : entry.key === state.other ? " B" : ""),
          moved(entry),
          node("span", { class: "rank-score" }, shown(entry.score, 2)),
        ),
        small ? null : share(entry),
        node("span", { class: "rank-source" }, node("span", { class: "rank-name" }, entry.source), node("span", {}, `p. ${entry.page}`)),
      ),
      entry.key === state.key || missing(entry)
        ? null
        : node(
            "button",
            {
              type: "button",
              class: "versus",
              "aria-pressed": entry.key === state.other,
              "aria-label": `Compare with rank ${entry.rank}: ${entry.source}, page ${entry.page}`,
              title: entry.key === state.other ? "End the comparison" : "Compare with the page on show",
              "data-versus": entry.key,
              onclick: () => compare(entry.key === state.other ? null : entry.key),
            },
            entry.key === state.other ? "× B" : "A | B",
          ),
    );
  const hits = state.found.value.ranking.filter((entry) => entry.hit).length;
  const cards = ranking.filter((entry) => entry.rank <= hits || entry.key === state.key || entry.key === state.other);
  const others = ranking.filter((entry) => !cards.includes(entry));
  const list = part("ranking");
  const open = list.querySelector("details")?.open;
  const focused = list.contains(document.activeElement) && { ...document.activeElement.dataset };
  list.replaceChildren(
    node("div", { class: "rank-cards" }, ...cards.map((entry) => button(entry, false))),
    node("p", { class: "legend-typed" }, node("i", { class: "typed" }), "words you typed ", node("i"), "tokens the model adds"),
    others.length
      ? node(
          "details",
          { class: "rank-others", open },
          node("summary", {}, `${plural(others.length, "other page")}`),
          ...others.map((entry) => button(entry, true)),
        )
      : "",
  );
  if (!focused) return;
  const [name, value] = focused.key ? ["key", focused.key] : ["versus", focused.versus];
  const again = list.querySelector(`[data-${name}="${CSS.escape(value)}"]`) || list.querySelector(`[data-key="${CSS.escape(value)}"]`);
  again?.focus({ preventScroll: true });
}

// ---------------------------------------------------------------------------------------------- notes

function buildNotes() {
  const notes = [];
  const { strength, query, model, opening } = state.found.value;
  if (opening) notes.push(["Computed beforehand", opening, "quiet"]);
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

// ---------------------------------------------------------------------------------------------- lines to the chips

function drawLeaders() {
  const svg = part("leaders");
  const { view } = state;
  if (!state.found || view?.overlay !== "winners") return svg.replaceChildren();
  const body = part("body").getBoundingClientRect();
  svg.setAttribute("viewBox", `0 0 ${body.width} ${body.height}`);
  const chips = new Map([...part("chips").querySelectorAll(".chip")].map((chip) => [chip.dataset.token, chip.getBoundingClientRect()]));
  const row = part("chips").getBoundingClientRect();
  const paths = [];
  for (const stage of shownStages()) {
    const page = stage.frame.getBoundingClientRect();
    const { rows, cols } = stage.entry.grid;
    const { factor, x, y } = state.zoom;
    for (const item of view.parts)
      for (const match of stage.maps.matches(item.tokens)) {
        const across = ((match.col + 0.5) / cols - x) * factor;
        const down = (match.row / rows - y) * factor;
        const chip = chips.get(item.id);
        if (!chip || across < 0 || across > 1 || down < 0 || down > 1) continue;
        const from = [chip.left + chip.width / 2 - body.left, chip.bottom - body.top];
        if (from[0] + body.left < row.left || from[0] + body.left > row.right) continue; // scrolled out of sight
        const to = [page.left + across * page.width - body.left, page.top + down * page.height - body.top];
        const bend = (to[1] - from[1]) * 0.45;
        paths.push(
          drawing("path", {
            d: `M${from[0]} ${from[1]}C${from[0]} ${from[1] + bend} ${to[0]} ${to[1] - bend} ${to[0]} ${to[1]}`,
            class: item.kind === "word" ? "typed" : "",
          }),
        );
        if (item.color && view.items.length > 1) paths[paths.length - 1].style.stroke = item.color;
      }
  }
  svg.replaceChildren(...paths);
}
