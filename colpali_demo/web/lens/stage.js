// A stage of the lens: one page with its overlay, its winners, the patch under the pointer, zoomed and panned.

const SMOOTH = 8; // samples per patch, across and down
const DARK = [14, 13, 12, 190]; // of the spotlight
const MAX_ZOOM = 8;

/** Values between the centers of patches, bilinear: at a center a patch's own cosine, never above or below both. */
function smoothed(values, rows, cols) {
  const result = new Float32Array(rows * cols * SMOOTH * SMOOTH);
  const spot = (index, parts) => {
    const at = Math.max(0, Math.min(parts - 1, (index + 0.5) / SMOOTH - 0.5));
    const from = Math.min(Math.floor(at), Math.max(0, parts - 2));
    return [from, Math.min(from + 1, parts - 1), at - from];
  };
  const across = Array.from({ length: cols * SMOOTH }, (_, x) => spot(x, cols));
  let i = 0;
  for (let y = 0; y < rows * SMOOTH; y++) {
    const [above, below, down] = spot(y, rows);
    for (const [left, right, share] of across) {
      const top = values[above * cols + left] * (1 - share) + values[above * cols + right] * share;
      const bottom = values[below * cols + left] * (1 - share) + values[below * cols + right] * share;
      result[i++] = top * (1 - down) + bottom * down;
    }
  }
  return result;
}

class Stage {
  /** `side` is 0 for the page on show, 1 for the page it is compared with. */
  constructor(side) {
    this.side = side;
    this.key = null;
    this.caption = node("figcaption", { class: "caption" });
    this.image = node("img", { class: "paper", alt: "", draggable: "false" });
    this.under = node("div", { class: "sheet" }, this.image);
    this.canvas = node("canvas", { class: "heat", "aria-hidden": "true" });
    this.boxes = node("div", { class: "boxes", "aria-hidden": "true" });
    this.cursor = node("div", { class: "cursor", "aria-hidden": "true", hidden: true });
    this.over = node("div", { class: "sheet" }, this.boxes, this.cursor);
    this.card = node("div", { class: "card", role: "status", hidden: true });
    this.frame = node(
      "div",
      {
        class: "page",
        tabindex: 0,
        role: "application",
        "aria-roledescription": "page with patches",
        "aria-label":
          "Patches of the page. The arrow keys move from patch to patch, Enter goes to the winner, plus and minus zoom.",
      },
      node("div", { class: "window" }, this.under, this.canvas, this.over),
      this.card,
    );
    this.root = node("figure", { class: "stage", "data-side": side }, this.caption, this.frame);
    this.buffer = document.createElement("canvas");
    this.listen();
    new ResizeObserver(() => {
      if (!this.maps || !this.root.isConnected) return;
      this.measure();
      this.paint(state.view);
      drawLeaders();
    }).observe(this.frame);
  }

  get maps() {
    return state.found?.pages.get(this.key);
  }

  get entry() {
    return this.maps.entry;
  }

  /** Show another page. */
  open(key) {
    this.key = key;
    const { entry } = this;
    const input = state.picture === "input" && entry.input;
    const source = input ? entry.input.url : entry.image.url;
    if (this.image.getAttribute("src") !== source) this.image.src = source;
    this.image.alt = `${entry.source}, page ${entry.page}${input ? ", as the model sees it" : ""}`;
    const { width, height } = input ? state.found.value.model.input : entry;
    this.root.style.setProperty("--ratio", width / height);
    this.zoom();
  }

  zoom() {
    const { factor, x, y } = state.zoom;
    for (const sheet of [this.under, this.over])
      Object.assign(sheet.style, {
        width: `${100 * factor}%`,
        height: `${100 * factor}%`,
        left: `${-100 * factor * x}%`,
        top: `${-100 * factor * y}%`,
      });
    this.frame.classList.toggle("zoomed", factor > 1);
  }

  measure() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(box.width * ratio));
    const height = Math.max(1, Math.round(box.height * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
  }

  // ------------------------------------------------------------------ drawing

  paint(view) {
    const { canvas } = this;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    canvas.style.opacity = state.opacity;
    const layers = view.layers.map((layer) => ({ ...layer, values: layer.values[this.side] }));
    if (view.overlay === "winners") return;
    if (view.overlay === "similarity" && layers.length > 1) {
      if (state.smooth) for (const layer of layers) this.fill(context, layer, tinted(layer));
      else this.strips(context, layers);
    } else if (view.overlay === "spotlight") this.spotlight(context, layers);
    else this.fill(context, layers[0], heated(layers[0]));
  }

  /** Draw the grid of a layer, each value in the color that `put(data, at, value)` writes. */
  fill(context, { values, exact }, put) {
    const { rows, cols } = this.entry.grid;
    const fine = state.smooth && !exact;
    const samples = fine ? smoothed(values, rows, cols) : values;
    const [height, width] = fine ? [rows * SMOOTH, cols * SMOOTH] : [rows, cols];
    const image = new ImageData(width, height);
    for (let i = 0; i < samples.length; i++) put(image.data, 4 * i, samples[i]);
    Object.assign(this.buffer, { width, height });
    this.buffer.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = fine;
    const { factor, x, y } = state.zoom;
    const { width: wide, height: high } = this.canvas;
    context.drawImage(this.buffer, -x * factor * wide, -y * factor * high, factor * wide, factor * high);
  }

  /** Several tokens at once: a patch is striped in the colors of those that find it hot. */
  strips(context, layers) {
    const { rows, cols } = this.entry.grid;
    const { factor, x, y } = state.zoom;
    const { width, height } = this.canvas;
    const left = (col) => Math.round((col / cols - x) * factor * width);
    const top = (row) => Math.round((row / rows - y) * factor * height);
    for (let cell = 0; cell < rows * cols; cell++) {
      const hot = layers.filter(({ values, threshold }) => values[cell] >= threshold);
      if (!hot.length) continue;
      const [row, col] = [Math.floor(cell / cols), cell % cols];
      const step = (left(col + 1) - left(col)) / hot.length;
      hot.forEach((layer, i) => {
        context.fillStyle = layer.color;
        context.globalAlpha = tint(layer, layer.values[cell]);
        context.fillRect(left(col) + i * step, top(row), step, top(row + 1) - top(row));
      });
    }
    context.globalAlpha = 1;
  }

  /** The page darkened but for the hot patches. */
  spotlight(context, layers) {
    const { rows, cols } = this.entry.grid;
    const light = new Float32Array(rows * cols).fill(-Infinity);
    // How far a value is above its threshold; hot where any token is.
    for (const { values, threshold } of layers)
      for (let i = 0; i < light.length; i++) light[i] = Math.max(light[i], values[i] - threshold);
    this.fill(context, { values: light, exact: layers[0].exact }, (data, at, value) => {
      if (value >= 0) return;
      data.set(DARK, at);
    });
  }

  put(target, row, col) {
    const { rows, cols } = this.entry.grid;
    Object.assign(target.style, {
      left: `${(100 * col) / cols}%`,
      top: `${(100 * row) / rows}%`,
      width: `${100 / cols}%`,
      height: `${100 / rows}%`,
    });
    return target;
  }

  drawBoxes(view) {
    const numbered = view.overlay === "winners" || view.items.length > 1;
    const cells = new Map();
    for (const item of view.parts)
      for (const match of this.maps.matches(item.tokens)) {
        const cell = this.maps.cell(match);
        if (!cells.has(cell)) cells.set(cell, { match, items: [] });
        if (!cells.get(cell).items.includes(item)) cells.get(cell).items.push(item);
      }
    const small = view.parts.length > 1 && view.items.length === 1 && !numbered;
    const boxes = [...cells.values()].map(({ match: { row, col }, items }) => {
      const box = node("div", { class: small ? "box small" : "box", "data-row": row, "data-col": col });
      if (view.items.length > 1) box.style.setProperty("--pin", items[0].color);
      if (numbered) box.append(node("span", { class: "badge" }, ranges(items.map((item) => item.number))));
      return this.put(box, row, col);
    });
    if (state.registers) {
      const { cols } = this.entry.grid;
      for (const cell of this.maps.registers())
        boxes.push(this.put(node("div", { class: "register" }), Math.floor(cell / cols), cell % cols));
    }
    this.boxes.replaceChildren(...boxes);
  }

  drawCaption(view) {
    const { grid, source, page: number, rank } = this.entry;
    const size = state.other ? "the patches" : `${grid.rows} × ${grid.cols} patches`;
    const names = view.items.map((item) => item.name).join(", ");
    const minus = state.calibrated ? " minus a blank page’s" : "";
    const [title, text] = {
      similarity: [`Similarity map${view.items.length > 1 ? "s" : ""}`, ` of ${names}${minus} · cosine with each of ${size}`],
      contribution: ["Contribution map", ` · each token’s MaxSim on its winner`],
      winners: ["Winners", ` · the numbers are those of the chips`],
      spotlight: [
        "Spotlight",
        view.whole ? " · patches that win a token" : ` · patches at or above the threshold for ${names}${minus}`,
      ],
    }[view.overlay];
    const letter = state.other ? `${"AB"[this.side]} · ` : "";
    const whatIf = state.off.size ? ` (all tokens: ${rank})` : "";
    const now = state.off.size ? state.ranking.find((entry) => entry.key === this.key).rank : rank;
    this.caption.replaceChildren(
      node("span", { title: `${title}${text}` }, node("b", {}, title), text),
      node("span", { title: source }, `${letter}${source}, page ${number} · rank ${now} of ${state.ranking.length}${whatIf}`),
    );
  }

  // ------------------------------------------------------------------ the patch card

  drawCard() {
    const { card, cursor, maps } = this;
    const mine = state.patch && state.patch.side === this.side;
    const shownHere = state.patch && (mine || state.other);
    card.hidden = !mine;
    cursor.hidden = !shownHere;
    if (!shownHere) return;
    const { grid } = this.entry;
    const row = Math.min(state.patch.row, grid.rows - 1);
    const col = Math.min(state.patch.col, grid.cols - 1);
    this.put(cursor, row, col);
    if (!mine) return;
    const cell = row * grid.cols + col;
    const { view } = state;
    const tokens = state.found.value.query.tokens;
    const rest = maps.background && state.calibrated ? " minus a blank page’s" : "";
    const lines = [node("p", { class: "card-title" }, `Patch row ${row}, col ${col}`)];
    const contributes = maps.contribution(counted())[cell];
    if (view.whole && contributes)
      lines.push(node("p", {}, `contributes ${shown(contributes)} of ${shown(scoreOf(this.key), 2)}`));
    if (!view.whole)
      for (const item of view.items) {
        const values = maps.map(item, state.calibrated);
        let rank = 1;
        for (const other of values) if (other > values[cell]) rank++;
        lines.push(
          node(
            "p",
            {},
            `${item.name}${rest} `,
            node("b", {}, shown(values[cell])),
            ` · ${count(rank)} of ${count(maps.cells)} patches`,
          ),
        );
      }
    const wins = maps.matches(tokens.map((token) => token.index)).filter((match) => maps.cell(match) === cell);
    if (wins.length) {
      const names = wins.map((match) => spoken(tokens[match.index], tokens)).join(", ");
      lines.push(node("p", { class: "card-win" }, `★ wins ${names}`));
    }
    const sorted = tokens
      .map((token) => ({ token, value: maps.at(token.index, cell) }))
      .sort((a, b) => b.value - a.value);
    const [top, floor] = [Math.max(sorted[0].value, 1e-6), Math.min(0, sorted[sorted.length - 1].value)];
    const room = state.patch.pinned ? sorted.length : 6;
    lines.push(
      node(
        "dl",
        { class: "card-list" },
        node("dt", {}, `similarity with every token${state.patch.pinned ? "" : `, the first ${Math.min(room, sorted.length)}`}`),
        ...sorted.slice(0, room).map(({ token, value }) => {
          const bar = node("i");
          bar.style.width = `${(100 * (value - floor)) / (top - floor)}%`;
          return node(
            "dd",
            {},
            node("span", { class: "card-token" }, spoken(token, tokens)),
            node("span", { class: "card-bar" }, bar),
            node("span", {}, shown(value)),
          );
        }),
      ),
    );
    if (state.registers && maps.registers().includes(cell))
      lines.push(node("p", { class: "card-words" }, "register-like: hot for nearly every token"));
    const under = wordsUnder(this.entry, row, col);
    if (under.length) lines.push(node("p", { class: "card-words" }, `under it: ${under.slice(0, 12).join(" ")}`));
    else if (!this.entry.words.length) lines.push(node("p", { class: "card-words" }, "no text layer on this page"));
    card.replaceChildren(...lines);
    card.classList.toggle("pinned", Boolean(state.patch.pinned));
    card.tabIndex = state.patch.pinned && sorted.length > 8 ? 0 : -1;
    this.placeCard(row, col);
  }

  /** Beside the patch, on the side that has room. */
  placeCard(row, col) {
    const { card, frame } = this;
    const { grid } = this.entry;
    const { factor, x, y } = state.zoom;
    const box = frame.getBoundingClientRect();
    const edge = (at, parts, start, size) => (at / parts - start) * factor * size;
    const left = edge(col, grid.cols, x, box.width);
    const right = edge(col + 1, grid.cols, x, box.width);
    const top = edge(row, grid.rows, y, box.height);
    const bottom = edge(row + 1, grid.rows, y, box.height);
    const [width, height] = [card.offsetWidth, card.offsetHeight];
    const within = (value, room) => Math.max(4, Math.min(room - 4, value));
    const beside = box.width > 2.2 * width;
    if (beside) {
      card.style.left = `${right + 10 + width < box.width ? right + 10 : left - width - 10}px`;
      const lowest = Math.min(box.height, window.innerHeight - box.top);
      card.style.top = `${within(top - 30, Math.max(lowest - height, 8))}px`;
    } else {
      card.style.left = `${within((left + right - width) / 2, box.width - width)}px`;
      const above = box.top + bottom + height + 12 > window.innerHeight && top > height + 40;
      card.style.top = `${above ? top - height - 10 : bottom + 10}px`;
    }
  }

  // ------------------------------------------------------------------ pointer and keyboard

  patchAt(event) {
    const box = this.frame.getBoundingClientRect();
    const { factor, x, y } = state.zoom;
    const { rows, cols } = this.entry.grid;
    const row = Math.floor((y + (event.clientY - box.top) / box.height / factor) * rows);
    const col = Math.floor((x + (event.clientX - box.left) / box.width / factor) * cols);
    return row >= 0 && row < rows && col >= 0 && col < cols ? { row, col, side: this.side } : null;
  }

  /** Zoom by a factor and keep the point of the page under (clientX, clientY) where it is. */
  zoomAt(by, event) {
    const box = this.frame.getBoundingClientRect();
    const across = event ? (event.clientX - box.left) / box.width : 0.5;
    const down = event ? (event.clientY - box.top) / box.height : 0.5;
    const { factor, x, y } = state.zoom;
    const next = Math.max(1, Math.min(MAX_ZOOM, factor * by));
    setZoom(next, x + across / factor - across / next, y + down / factor - down / next);
  }

  listen() {
    const { frame } = this;
    const pointers = new Map(); // of fingers and pressed buttons: id -> last event
    let dragged = false;
    const same = (patch) => patch && state.patch && patch.row === state.patch.row && patch.col === state.patch.col;

    frame.addEventListener("pointerdown", (event) => {
      if (event.target.closest(".card") || event.button) return;
      pointers.set(event.pointerId, event);
      dragged = false;
    });
    frame.addEventListener("pointermove", (event) => {
      if (!this.maps) return;
      const before = pointers.get(event.pointerId);
      if (before && (state.zoom.factor > 1 || pointers.size === 2)) return this.drag(event, before, pointers, () => (dragged = true));
      if (state.patch?.pinned || event.pointerType === "touch" || event.target.closest(".card")) return;
      const patch = this.patchAt(event);
      if (patch === state.patch || (same(patch) && state.patch.side === this.side)) return;
      setPatch(patch);
    });
    const release = (event) => pointers.delete(event.pointerId);
    frame.addEventListener("pointerup", release);
    frame.addEventListener("pointercancel", release);
    frame.addEventListener("pointerleave", (event) => {
      release(event);
      if (state.patch?.pinned || document.activeElement === frame || !this.maps) return;
      setPatch(null);
    });
    frame.addEventListener("click", (event) => {
      if (!this.maps || dragged || event.target.closest(".card")) return;
      const patch = this.patchAt(event);
      setPatch(patch && { ...patch, pinned: !(state.patch?.pinned && same(patch)) });
    });
    frame.addEventListener("dblclick", (event) => {
      if (event.target.closest(".card")) return;
      if (state.zoom.factor >= MAX_ZOOM) setZoom(1, 0, 0);
      else this.zoomAt(2, event);
    });
    frame.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.zoomAt(Math.exp(-event.deltaY / 200), event);
      },
      { passive: false },
    );
    frame.addEventListener("keydown", (event) => this.key_(event));
    frame.addEventListener("blur", () => {
      if (!state.patch || frame.matches(":hover") || frame.contains(document.activeElement)) return;
      setPatch(null);
    });
  }

  /** Pan with one pointer, zoom with two. */
  drag(event, before, pointers, moved) {
    const box = this.frame.getBoundingClientRect();
    const { factor, x, y } = state.zoom;
    if (pointers.size === 2) {
      const [, other] = [...pointers].find(([id]) => id !== event.pointerId);
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      this.zoomAt(apart(event) / Math.max(1, apart(before)), {
        clientX: (event.clientX + other.clientX) / 2,
        clientY: (event.clientY + other.clientY) / 2,
      });
    } else {
      const [right, down] = [event.clientX - before.clientX, event.clientY - before.clientY];
      if (Math.hypot(right, down) < 3) return;
      setZoom(factor, x - right / box.width / factor, y - down / box.height / factor);
    }
    moved();
    pointers.set(event.pointerId, event);
  }

  key_(event) {
    if (!this.maps || event.target !== this.frame || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const { rows, cols } = this.entry.grid;
    const [match] = state.view.parts.flatMap((item) => this.maps.matches(item.tokens));
    if (event.key === "+" || event.key === "=") this.zoomAt(2);
    else if (event.key === "-") this.zoomAt(0.5);
    else if (event.key === "0") setZoom(1, 0, 0);
    else if (event.key === "Enter" && match) this.reach(match.row, match.col);
    else if (move) {
      const start = state.patch || (match ? { row: match.row - move[0], col: match.col - move[1] } : { row: -move[0], col: -move[1] });
      this.reach(
        Math.max(0, Math.min(rows - 1, start.row + move[0])),
        Math.max(0, Math.min(cols - 1, start.col + move[1])),
      );
    } else return;
    event.preventDefault();
  }

  /** Put the cursor on a patch, and the patch into view. */
  reach(row, col) {
    const { rows, cols } = this.entry.grid;
    const { factor, x, y } = state.zoom;
    const keep = (start, at, parts) => Math.min(at / parts, Math.max((at + 1) / parts - 1 / factor, start));
    state.patch = { row, col, side: this.side, pinned: true };
    setZoom(factor, keep(x, col, cols), keep(y, row, rows));
    setPatch(state.patch);
  }
}

/** Numbers in ascending order, neighbors drawn together: 1, 4–6. */
function ranges(numbers) {
  const runs = [];
  for (const number of numbers) {
    const last = runs[runs.length - 1];
    if (last && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? from : `${from}${to === from + 1 ? ", " : "–"}${to}`)).join(", ");
}

/** Writes the color of a value of a layer, nothing below its threshold. */
function heated({ hi, threshold, exact }) {
  const span = hi - threshold || 1;
  return (data, at, value) => {
    if (value < threshold || (exact && value === 0)) return;
    paintColor(data, at, (value - threshold) / span);
  };
}

/** Opacity of a value of one of several layers. */
const tint = ({ hi, threshold }, value) =>
  props.faintest + (1 - props.faintest) * Math.max(0, Math.min(1, (value - threshold) / (hi - threshold || 1)));

function tinted(layer) {
  const color = rgb(layer.color);
  // What is there already shows through in proportion.
  return (data, at, value) => {
    if (value < layer.threshold) return;
    data.set(color, at);
    data[at + 3] = 255 * tint(layer, value);
  };
}
