// What a search found, as the components use it: labels of tokens, maps, winners, scores. Nothing here touches the page.

const SUM = "sum";
const REGISTER_SHARE = 0.1; // a register-like patch is among this share of the hottest patches …
const REGISTER_TOKENS = 0.9; // … for at least this share of the tokens
const KINDS = {
  bos: "start token",
  prefix: "part of the prefix",
  word: "typed",
  augmentation: "added by the model",
  suffix: "added by the model",
};

// ---------------------------------------------------------------------------------------------- names

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

/** What a sentence calls a token of a query. */
function spoken(token, tokens) {
  if (label(token) === "↵") return "newline ↵";
  if (label(token) === "␣") return "space ␣";
  if (token.kind === "augmentation") {
    const first = tokens.findIndex((other) => other.kind === "augmentation");
    return `augmentation token ${token.index - first + 1}`;
  }
  return token.kind === "bos" ? label(token) : quoted(label(token));
}

const slotText = (match) => quoted((match.slot_text || "").replace(/\n/g, "↵"));
const place = (match) =>
  match.slot === "patch"
    ? `row ${match.row}, col ${match.col}`
    : match.slot === "tile"
      ? "thumbnail tile"
      : `prompt token ${slotText(match)}`;

/**
 * What can be chosen: every token, or every typed word and every other token. An item has an `id`, the indices of its
 * `tokens`, a `number` that counts from 1, its `kind`, and what it is called: `label` on a chip, `name` in a sentence.
 */
function itemsOf(query, unit) {
  const items = [];
  for (const token of query.tokens) {
    const last = items[items.length - 1];
    if (unit === "word" && token.word !== null && last?.word === token.word) {
      last.tokens.push(token.index);
      continue;
    }
    const whole = unit === "word" && token.word !== null;
    items.push({
      id: whole ? `w${token.word}` : String(token.index),
      tokens: [token.index],
      number: items.length + 1,
      kind: token.kind,
      word: token.word,
      label: whole ? query.words[token.word].trim() || label(token) : label(token),
      name: whole ? quoted(query.words[token.word].trim()) : spoken(token, query.tokens),
    });
  }
  return items;
}

// ---------------------------------------------------------------------------------------------- numbers

/** Lowest, middle and highest of some values. */
function extent(values) {
  const sorted = Float64Array.from(values).sort();
  return { lo: sorted[0], median: sorted[sorted.length >> 1], hi: sorted[sorted.length - 1] };
}

/** The default threshold, as in colormap.py: halfway between an ordinary patch and the best one. */
const cut = ({ median, hi }) => (median + hi) / 2;

/** The bytes behind {"data": base64} or {"file": {"url"}}. */
async function fetched(source) {
  if (source.data !== undefined) return bytes(source.data).buffer;
  const reply = await fetch(source.file.url);
  if (!reply.ok) throw new Error(reply.statusText);
  return reply.arrayBuffer();
}

/** Cosines from their 16-bit levels between lo and hi. */
function dequantized(buffer, lo, hi) {
  const levels = new Uint16Array(buffer);
  const values = new Float32Array(levels.length);
  const step = (hi - lo) / 65535;
  for (let i = 0; i < levels.length; i++) values[i] = lo + step * levels[i];
  return values;
}

/** The maps of one page. Cells are counted row by row; `background` holds the maps of a blank page, or is null. */
class PageMaps {
  constructor(entry, maps, others, background) {
    this.entry = entry;
    this.cells = entry.grid.rows * entry.grid.cols;
    this.maps = maps;
    this.others = others;
    this.background = background?.length === maps.length ? background : null;
    this.cache = new Map();
    for (const match of entry.tokens)
      // The ledger's number is exact, the map's is rounded to 16 bits.
      if (match.slot === "patch") maps[match.index * this.cells + this.cell(match)] = match.maxsim;
  }

  cell({ row, col }) {
    return row * this.entry.grid.cols + col;
  }

  cached(key, make) {
    if (!this.cache.has(key)) this.cache.set(key, make());
    return this.cache.get(key);
  }

  /** All maps, (tokens x cells); calibrated: minus those of a blank page. */
  all(calibrated) {
    if (!calibrated || !this.background) return this.maps;
    return this.cached("calibrated", () => this.maps.map((value, i) => value - this.background[i]));
  }

  /** The similarity map of an item: of a word, the maximum over its tokens. */
  map(item, calibrated) {
    const all = this.all(calibrated);
    const of = (token) => all.subarray(token * this.cells, (token + 1) * this.cells);
    if (item.tokens.length === 1) return of(item.tokens[0]);
    return this.cached(`${calibrated} ${item.id}`, () => {
      const values = Float32Array.from(of(item.tokens[0]));
      for (const token of item.tokens.slice(1)) of(token).forEach((value, i) => (values[i] = Math.max(values[i], value)));
      return values;
    });
  }

  extent(item, calibrated) {
    return this.cached(`extent ${calibrated} ${item.id}`, () => extent(this.map(item, calibrated)));
  }

  extentOfAll(calibrated) {
    return this.cached(`extent ${calibrated}`, () => extent(this.all(calibrated)));
  }

  /** The contribution map of some tokens: the MaxSim of each on its winner, where that is a patch. */
  contribution(tokens) {
    const values = new Float64Array(this.cells);
    for (const match of this.matches(tokens)) values[this.cell(match)] += match.maxsim;
    return values;
  }

  /** Ledger lines of some tokens whose winner is a patch. */
  matches(tokens) {
    return tokens.map((token) => this.entry.tokens[token]).filter((match) => match.slot === "patch");
  }

  /** Cosine of a token with a vector: patches come first, row by row, then the other vectors of the page. */
  at(token, place) {
    if (place < this.cells) return this.maps[token * this.cells + place];
    const width = this.entry.others.slots.length;
    return this.others[token * width + place - this.cells];
  }

  /** Cells that are hot whatever is asked. */
  registers() {
    return this.cached("registers", () => {
      const tokens = this.entry.tokens.length;
      const often = new Uint16Array(this.cells);
      for (let token = 0; token < tokens; token++) {
        const map = this.maps.subarray(token * this.cells, (token + 1) * this.cells);
        const bar = Float32Array.from(map).sort()[Math.floor(this.cells * (1 - REGISTER_SHARE))];
        map.forEach((value, cell) => (often[cell] += value >= bar));
      }
      return [...often.keys()].filter((cell) => often[cell] >= REGISTER_TOKENS * tokens);
    });
  }
}

/** Everything of a value, decoded: {value, pages: key -> PageMaps, ledger(key) -> MaxSim of every token}. */
async function decoded(value) {
  const { lo, hi } = value.range;
  const blank = value.background;
  const [ledgers, background] = await Promise.all([
    fetched(value.ledgers).then((buffer) => new Float32Array(buffer)),
    blank ? fetched(blank.maps).then((buffer) => dequantized(buffer, blank.lo, blank.hi)) : null,
  ]);
  const pages = new Map(
    await Promise.all(
      Object.entries(value.pages).map(async ([key, entry]) => {
        const [maps, others] = await Promise.all([fetched(entry.maps), fetched(entry.others)]);
        return [key, new PageMaps(entry, dequantized(maps, lo, hi), new Float32Array(others), background)];
      }),
    ),
  );
  const width = value.query.tokens.length;
  const at = new Map(value.ranking.map((entry, index) => [entry.key, index]));
  return { value, pages, ledger: (key) => ledgers.subarray(at.get(key) * width, (at.get(key) + 1) * width) };
}

/**
 * The ranking if the tokens in `off` did not count: entries with the `score` and `rank` that follow, best first. Pages
 * with equal scores keep their order. The sums are made as maxsim.total makes them: in float64, in the tokens' order.
 */
function ranked(found, off) {
  return found.value.ranking
    .map((entry) => {
      let score = 0;
      found.ledger(entry.key).forEach((term, token) => {
        if (!off.has(token)) score += term;
      });
      return { ...entry, score };
    })
    .sort((a, b) => b.score - a.score)
    .map((entry, index) => ({ ...entry, rank: index + 1 }));
}

/** The words that touch a patch, by the same rule as explain.words_under. */
function wordsUnder({ grid, words }, row, col) {
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

// ---------------------------------------------------------------------------------------------- colors

const TABLE = bytes(props.colors); // colormap.TABLE: 256 x (red, green, blue)
// Of several tokens at once; Okabe and Ito's colors, which color-blind people tell apart.
const PIN_COLORS = ["#0072b2", "#d55e00", "#009e73", "#b8487f", "#8a6d00", "#3a93c9"];
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/** Writes the color of a share of the way from the threshold to the top, as colormap.colorize has it. */
function paintColor(data, at, share) {
  const level = Math.max(0, Math.min(1, share));
  const from = 3 * Math.round(255 * level);
  data[at] = TABLE[from];
  data[at + 1] = TABLE[from + 1];
  data[at + 2] = TABLE[from + 2];
  data[at + 3] = 255 * (props.faintest + (1 - props.faintest) * level);
}
