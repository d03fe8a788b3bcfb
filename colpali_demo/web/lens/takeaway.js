// Taking the explanation away: a picture of what is on show, files that the server makes, a link.

const TAKEN = [
  ["png", "PNG", "The page as it is on show, with its legend"],
  ["pdf", "PDF", "A figure for print, of the token on show"],
  ["svg", "SVG", "The same figure as SVG"],
  ["json", "JSON", "Every number behind this score, exact"],
  ["html", "Web page", "The lens with these pages in one file that opens offline"],
  ["link", "Link", "An address that restores sample, query, token and overlay"],
];

function drawTake() {
  const { samples } = state.found.value;
  part("take").replaceChildren(
    node("span", { class: "take-title" }, "Take it away"),
    ...TAKEN.filter(([kind]) => kind === "png" || !alone()).map(([kind, name, title]) =>
      node(
        "button",
        {
          type: "button",
          "data-take": kind,
          title: kind === "link" && !samples ? "Only searches over samples alone can be restored: your pages are yours" : title,
          disabled: kind === "link" && !samples,
          onclick: () => take(kind),
        },
        name,
      ),
    ),
  );
  part("take-link").hidden = true;
}

function take(kind) {
  if (kind === "png") return picture().then((blob) => save(blob, `${fileStem()}.png`));
  if (kind === "link") return showLink();
  part("take").setAttribute("aria-busy", "true");
  const { view } = state;
  const terms = state.found.ledger(state.key);
  const shownTokens = view.whole ? [] : view.items[0].tokens;
  // The figure shows one token: of a word, the one that found most.
  const token = shownTokens.reduce((best, each) => (best === null || terms[each] > terms[best] ? each : best), null);
  trigger("take_away", {
    kind,
    key: state.key,
    search: state.found.value.search,
    token: token === null ? "" : String(token),
    start: new URLSearchParams(restoring()).toString(),
  });
}

document.addEventListener("delivery", () => part("take").removeAttribute("aria-busy"));

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  node("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const fileStem = () => {
  const { source, page } = entryOf(state.key);
  const stem = source.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  return `${stem.slice(0, 60) || "document"}-page-${page}`;
};

// ---------------------------------------------------------------------------------------------- restoring

/** What a link or a file says about what is on show. */
const restoring = () => [
  ["show", state.key], // Gradio has a "page" of its own
  ["token", state.pins.join(",") || SUM],
  ["overlay", state.overlay],
];

/** Show what a link or a file says, as far as it makes sense here. Returns whether it said anything about tokens. */
function restore(text) {
  const told = new URLSearchParams(text);
  if (OVERLAYS.some(([overlay]) => overlay === told.get("overlay"))) state.overlay = told.get("overlay");
  const pins = (told.get("token") || "").split(",");
  if (pins.some((id) => /^w\d+$/.test(id))) state.unit = "word";
  state.items = itemsOf(state.found.value.query, state.unit);
  const page = told.get("show");
  if (state.found.pages.has(page)) state.key = page;
  const known = pins.filter((id) => itemOf(id)).slice(0, MAX_PINS);
  if (known.length) state.pins = known;
  else if (pins[0] === SUM) state.pins = [];
  return known.length > 0 || pins[0] === SUM;
}

function address() {
  const { samples, query, model } = state.found.value;
  const told = new URLSearchParams([
    ...(model.choice ? [["model", model.choice]] : []),
    ...samples.map((sample) => ["sample", sample]),
    ["q", query.text],
    ...restoring(),
  ]);
  return `${window.location.origin}${window.location.pathname}?${told}`;
}

function showLink() {
  const field = part("take-link");
  field.hidden = false;
  field.value = address();
  field.focus();
  field.select();
  // A page inside another may not be allowed to copy; then the link is there to be copied by hand.
  navigator.clipboard?.writeText(field.value).then(
    () => (part("take-note").textContent = "Copied."),
    () => (part("take-note").textContent = "Copy the link above."),
  );
}

// ---------------------------------------------------------------------------------------------- the picture

const PICTURE_SCALE = 2;

/** What is on show as a PNG: headline, page with overlay, legend. */
async function picture() {
  const { view } = state;
  const style = getComputedStyle(element);
  const color = (name) => style.getPropertyValue(name).trim();
  const shownNow = shownStages();
  const boxes = shownNow.map((stage) => stage.frame.getBoundingClientRect());
  const legends = [...part("legends").querySelectorAll("canvas")];
  const [edge, gap, top, foot] = [28, 24, 96, 90 + 14 * legends.length];
  const width = Math.max(560, boxes.reduce((sum, box) => sum + box.width, 0) + gap * (boxes.length - 1)) + 2 * edge;
  const height = top + Math.max(...boxes.map((box) => box.height)) + foot;
  const canvas = node("canvas", { width: Math.round(width * PICTURE_SCALE), height: Math.round(height * PICTURE_SCALE) });
  const context = canvas.getContext("2d");
  context.scale(PICTURE_SCALE, PICTURE_SCALE);
  context.fillStyle = color("--paper");
  context.fillRect(0, 0, width, height);
  const write = (text, x, y, font, ink, room) => {
    context.font = `${font} ${style.fontFamily}`;
    context.fillStyle = ink;
    let fitting = text;
    while (context.measureText(fitting).width > room && fitting.length > 1) fitting = `${fitting.slice(0, -2)}…`;
    context.fillText(fitting, x, y);
  };
  const room = width - 2 * edge;
  write(state.found.value.query.text, edge, 34, "600 19px", color("--ink"), room);
  write(part("headline").textContent, edge, 56, "14px", color("--ink"), room);
  let x = edge;
  shownNow.forEach((stage, i) => {
    const box = boxes[i];
    write([...stage.caption.children].map((line) => line.textContent).join(" · "), x, 82, "12px", color("--quiet"), box.width);
    drawStage(context, stage, x, top, box, view);
    x += box.width + gap;
  });
  const y = height - foot + 22;
  const wide = Math.min(room, 420);
  legends.forEach((legend, i) => {
    context.drawImage(legend, edge, y + 14 * i, wide, 11);
    if (legends.length > 1) write(view.items[i].name, edge + wide + 8, y + 14 * i + 10, "11px", color("--ink"), room - wide - 8);
  });
  const lines = 14 * legends.length;
  context.strokeStyle = color("--line-strong");
  context.strokeRect(edge, y, wide, 11);
  for (const tick of part("ticks").querySelectorAll(".tick:not(.bare)")) {
    const at = edge + (parseFloat(tick.style.left) / 100) * wide;
    context.textAlign = tick.classList.contains("start") ? "left" : tick.classList.contains("end") ? "right" : "center";
    write(tick.textContent, at, y + lines + 12, "11px", color("--ink"), 80);
  }
  context.textAlign = "left";
  const scale = part("scale-text").textContent.replace(" Bar heights are square roots of counts.", "");
  write(scale, edge, y + lines + 32, "12px", color("--quiet"), room);
  write(`${state.found.value.model.name} · the numbers are those that ranked the page`, edge, y + lines + 50, "12px", color("--quiet"), room);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function drawStage(context, stage, x, y, box, view) {
  const { factor, x: left, y: top } = state.zoom;
  const { image, canvas, entry } = stage;
  context.save();
  context.beginPath();
  context.rect(x, y, box.width, box.height);
  context.clip();
  context.drawImage(image, x - left * factor * box.width, y - top * factor * box.height, factor * box.width, factor * box.height);
  context.globalAlpha = state.opacity;
  context.imageSmoothingEnabled = state.smooth;
  context.drawImage(canvas, x, y, box.width, box.height);
  context.globalAlpha = 1;
  const { rows, cols } = entry.grid;
  for (const each of stage.boxes.querySelectorAll(".box")) {
    const [row, col] = [Number(each.dataset.row), Number(each.dataset.col)];
    const at = [x + (col / cols - left) * factor * box.width, y + (row / rows - top) * factor * box.height];
    const size = [(factor * box.width) / cols, (factor * box.height) / rows];
    for (const [grow, ink, line] of [
      [1, "#000", 2],
      [3, "#fff", 2],
      [4.5, each.style.getPropertyValue("--pin") || "#000", view.items.length > 1 ? 3 : 1],
    ]) {
      context.strokeStyle = ink;
      context.lineWidth = line;
      context.strokeRect(at[0] - grow, at[1] - grow, size[0] + 2 * grow, size[1] + 2 * grow);
    }
    const badge = each.textContent;
    if (!badge) continue;
    context.font = "600 11px sans-serif";
    context.fillStyle = each.style.getPropertyValue("--pin") || "#000";
    context.fillRect(at[0] - 5, at[1] - 22, context.measureText(badge).width + 10, 16);
    context.fillStyle = "#fff";
    context.fillText(badge, at[0], at[1] - 10);
  }
  context.restore();
}
