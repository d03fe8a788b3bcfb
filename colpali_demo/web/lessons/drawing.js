// What several cards draw: the page with its grid, rows of tokens, bars of a vector, questions.

const cards = []; // filled by the files of the cards, in their order
const study = {
  value: null, // what the server sent
  token: 0, // index of the token at hand
  patch: [0, 0], // row and column of the patch at hand
  vectors: null, // Float32Array (vectors x dim), the page
  query: null, // Float32Array (tokens x dim)
  cosines: new Map(), // token -> Float64Array (vectors)
  augmented: true, // whether card 4 shows the augmentation tokens
  answers: new Map(), // question -> the answer given
  picture: null, // the picture that goes into the model, decoded
};
const colors = bytes(props.colors);
const still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

const sheetOf = () => study.value.page;
const tokensOf = () => study.value.query.tokens;
const named = (index) => spoken(tokensOf()[index], tokensOf());
const megabytes = (size) =>
  size >= 1e9
    ? `${shown(size / 1e9, size >= 1e10 ? 0 : 1)} GB`
    : size >= 1e6
      ? `${shown(size / 1e6, size >= 1e7 ? 0 : 1)} MB`
      : size >= 1e3
        ? `${shown(size / 1e3, size >= 1e5 ? 0 : 1)} kB`
        : `${size} bytes`;

// ---------------------------------------------------------------------------------------------- vectors

const tokenVector = (token) => study.query.subarray(token * sheetOf().dim, (token + 1) * sheetOf().dim);
const pageVector = (vector) => study.vectors.subarray(vector * sheetOf().dim, (vector + 1) * sheetOf().dim);
const vectorAt = (row, col) => sheetOf().patch_vectors[row * sheetOf().grid.cols + col];

/** The products of two vectors, number by number; their sum is the cosine, because both have length 1. */
const products = (a, b) => Float64Array.from(a, (number, i) => number * b[i]);
const sumOf = (values) => values.reduce((total, value) => total + value, 0);

/** Cosine of a token with every vector of the page. The winner's is the ledger's number to the last digit. */
function cosinesOf(token) {
  if (!study.cosines.has(token)) {
    const vector = tokenVector(token);
    const found = Float64Array.from({ length: sheetOf().vectors }, (_, at) => {
      const other = pageVector(at);
      let sum = 0;
      for (let i = 0; i < vector.length; i++) sum += vector[i] * other[i];
      return sum;
    });
    const match = sheetOf().tokens[token];
    found[match.vector] = match.maxsim;
    study.cosines.set(token, found);
  }
  return study.cosines.get(token);
}

/** The same by cell of the grid, row by row. */
const mapOf = (token) => {
  const all = cosinesOf(token);
  return Float64Array.from(sheetOf().patch_vectors, (vector) => all[vector]);
};

// ---------------------------------------------------------------------------------------------- the page

/** The color of a share of the way from the threshold to the top, as colormap.colorize has it. */
function heatColor(share) {
  const level = Math.max(0, Math.min(1, share));
  const at = 3 * Math.round(255 * level);
  return `rgba(${colors[at]},${colors[at + 1]},${colors[at + 2]},${props.faintest + (1 - props.faintest) * level})`;
}

/**
 * The page with its grid of patches over it. With `pick`, a click and the arrow keys choose a patch, told as (row,
 * col); with `hover`, so does the pointer.
 */
class Sheet {
  constructor({ label, pick = null, hover = null, grid = false, picture = null, caption = "" }) {
    const { width, height, image } = sheetOf();
    this.grid = grid;
    this.heat = null;
    this.canvas = node("canvas", { "aria-hidden": "true" });
    this.marks = node("div", { class: "marks", "aria-hidden": "true" });
    this.paper = node(
      "div",
      { class: pick ? "paper pick" : "paper", tabindex: pick ? 0 : null, role: pick ? "group" : "img", "aria-label": label },
      node("img", { src: (picture || image).url, alt: "" }),
      this.canvas,
      this.marks,
    );
    this.root = node("figure", { class: "sheet" }, this.paper, caption ? node("figcaption", {}, caption) : null);
    this.root.style.setProperty("--ratio", picture ? 1 : width / height);
    if (pick) this.listen(pick, hover);
    new ResizeObserver(() => this.paint()).observe(this.paper);
  }

  listen(pick, hover) {
    const { rows, cols } = sheetOf().grid;
    const at = (event) => {
      const box = this.paper.getBoundingClientRect();
      const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
      const col = Math.floor(((event.clientX - box.left) / box.width) * cols);
      return row >= 0 && row < rows && col >= 0 && col < cols ? [row, col] : null;
    };
    this.paper.addEventListener("click", (event) => at(event) && pick(...at(event)));
    if (hover) {
      this.paper.addEventListener("pointermove", (event) => event.pointerType !== "touch" && at(event) && hover(...at(event)));
    }
    this.paper.addEventListener("keydown", (event) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      event.stopPropagation(); // the cards stay
      const [row, col] = study.patch;
      pick(Math.max(0, Math.min(rows - 1, row + move[0])), Math.max(0, Math.min(cols - 1, col + move[1])));
    });
  }

  /** Color the cells: `values` row by row, nothing below `threshold`, full color at `hi`. */
  color(values, threshold, hi) {
    this.heat = { values, threshold, hi };
    this.paint();
  }

  /** Box some cells: [row, col, class] each. */
  mark(...cells) {
    const { rows, cols } = sheetOf().grid;
    this.marks.replaceChildren(
      ...cells.map(([row, col, kind]) => {
        const box = node("i", { class: kind, "data-row": row, "data-col": col });
        box.style.cssText = `left:${(100 * col) / cols}%;top:${(100 * row) / rows}%;width:${100 / cols}%;height:${100 / rows}%`;
        return box;
      }),
    );
  }

  paint() {
    const { rows, cols } = sheetOf().grid;
    const box = this.canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (!width || !height) return;
    Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    const x = (col) => Math.round((col * width) / cols);
    const y = (row) => Math.round((row * height) / rows);
    if (this.heat) {
      const { values, threshold, hi } = this.heat;
      for (let row = 0; row < rows; row++)
        for (let col = 0; col < cols; col++) {
          const value = values[row * cols + col];
          if (!(value >= threshold)) continue;
          context.fillStyle = heatColor((value - threshold) / (hi - threshold || 1));
          context.fillRect(x(col), y(row), x(col + 1) - x(col), y(row + 1) - y(row));
        }
    }
    if (this.grid) {
      context.fillStyle = "rgba(36, 70, 156, 0.28)";
      for (let col = 1; col < cols; col++) context.fillRect(x(col), 0, Math.max(1, ratio / 2), height);
      for (let row = 1; row < rows; row++) context.fillRect(0, y(row), width, Math.max(1, ratio / 2));
    }
  }
}

// ---------------------------------------------------------------------------------------------- tokens and bars

/** Buttons for the tokens of the query, subwords of a word together. `shows` gives the small text of each. */
function tokenChips(chosen, choose, shows = null) {
  const list = node("div", { class: "chips", role: "radiogroup", "aria-label": "Query tokens" });
  let group = null;
  let word = null;
  for (const token of tokensOf()) {
    if (token.word === null || token.word !== word) list.append((group = node("span", { class: "group" })));
    word = token.word;
    group.append(
      node(
        "button",
        {
          type: "button",
          role: "radio",
          class: `chip ${token.kind}`,
          "data-token": token.index,
          "aria-checked": token.index === chosen,
          tabindex: token.index === chosen ? 0 : -1,
          title: `${spoken(token, tokensOf())}, ${KINDS[token.kind]}`,
          onclick: () => choose(token.index),
        },
        node("b", {}, label(token)),
        shows ? node("small", {}, shows(token)) : null,
      ),
    );
  }
  list.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && event.stopPropagation());
  roving(list, "button", (button) => choose(Number(button.dataset.token)));
  list.check = (index) => {
    for (const button of list.querySelectorAll("button")) {
      const on = Number(button.dataset.token) === index;
      button.setAttribute("aria-checked", on);
      button.tabIndex = on ? 0 : -1;
      // On a phone the row scrolls sideways.
      if (on) list.scrollLeft = button.getBoundingClientRect().left - list.firstChild.getBoundingClientRect().left - list.clientWidth / 3;
    }
  };
  return list;
}

/** The numbers of a vector as bars around a line; `top` is the height of the scale. */
function bars(values, top, name) {
  const svg = drawing("svg", { class: "bars", viewBox: `0 0 ${values.length} 2`, preserveAspectRatio: "none", role: "img" });
  svg.setAttribute("aria-label", name);
  svg.append(drawing("line", { x1: 0, x2: values.length, y1: 1, y2: 1 }));
  values.forEach((value, at) => {
    const height = Math.min(1, Math.abs(value) / top);
    const bar = drawing("rect", { x: at + 0.12, width: 0.76, y: value > 0 ? 1 - height : 1, height });
    bar.setAttribute("class", value < 0 ? "negative" : "positive");
    svg.append(bar);
  });
  return svg;
}
const highest = (...vectors) => Math.max(...vectors.map((vector) => vector.reduce((top, value) => Math.max(top, Math.abs(value)), 0)));

/** A number that is the point of a card. */
const output = (name, text) => node("output", { class: "number", "data-number": name }, text);
const fact = (name, ...value) => node("div", { class: "fact" }, node("dt", {}, name), node("dd", {}, ...value));
const facts = (...list) => node("dl", { class: "facts" }, ...list);
const text = (...content) => node("p", {}, ...content);
const fine = (...content) => node("p", { class: "fine" }, ...content);
const split = (visual, words) => node("div", { class: "split" }, node("div", { class: "visual" }, visual), node("div", { class: "words" }, ...words));

/** A copy of a formula of the article. */
const mathOf = (name) => element.querySelector(`.article [data-math="${name}"]`).cloneNode(true);

// ---------------------------------------------------------------------------------------------- questions

/** Predict, then reveal: choices are [text, is right] each; `why` makes what is shown afterwards. */
function question(name, ask, choices, why) {
  const box = node("fieldset", { class: "question", "data-question": name });
  const draw = () => {
    const given = study.answers.get(name);
    const right = choices.findIndex(([, isRight]) => isRight);
    box.replaceChildren(
      node("legend", {}, "Predict first"),
      text(ask),
      node(
        "div",
        { class: "choices" },
        ...choices.map(([choice, isRight], at) =>
          node(
            "button",
            {
              type: "button",
              disabled: given !== undefined,
              class: given === undefined ? null : isRight ? "right" : at === given ? "wrong" : "other",
              onclick: () => {
                study.answers.set(name, at);
                draw();
              },
            },
            choice,
          ),
        ),
      ),
      given === undefined
        ? ""
        : node("p", { class: "reveal", role: "status" }, node("b", {}, given === right ? "Yes. " : "Not so. "), why()),
    );
  };
  draw();
  return box;
}
